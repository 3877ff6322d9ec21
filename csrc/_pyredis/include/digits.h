/* digits.h -- constant tables for writing numbers in decimal. */
#ifndef PYREDIS_DIGITS_H
#define PYREDIS_DIGITS_H

#include <stdint.h>

/* The two digits of 0..99, in order. */
#define DIGITS_TEN(t) t "0" t "1" t "2" t "3" t "4" t "5" t "6" t "7" t "8" t "9"
static const char digits_pairs[201] =
    DIGITS_TEN("0") DIGITS_TEN("1") DIGITS_TEN("2") DIGITS_TEN("3") DIGITS_TEN("4")
    DIGITS_TEN("5") DIGITS_TEN("6") DIGITS_TEN("7") DIGITS_TEN("8") DIGITS_TEN("9");
#undef DIGITS_TEN

/* 10^0 .. 10^19: all that a uint64_t holds. */
static const uint64_t digits_pow10_u64[20] = {
    1ULL, 10ULL, 100ULL, 1000ULL, 10000ULL, 100000ULL, 1000000ULL, 10000000ULL, 100000000ULL, 1000000000ULL,
    10000000000ULL, 100000000000ULL, 1000000000000ULL, 10000000000000ULL, 100000000000000ULL,
    1000000000000000ULL, 10000000000000000ULL, 100000000000000000ULL, 1000000000000000000ULL,
    10000000000000000000ULL};

/* 10^0 .. 10^22: all that a double holds exactly. */
static const double digits_pow10_double[23] = {
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17,
    1e18, 1e19, 1e20, 1e21, 1e22};

#endif
