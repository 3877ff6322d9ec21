/* crctables.h -- the constant tables of CRC16 and CRC64, expanded by the compiler.
 *
 * A CRC is linear over GF(2): the entry of a byte is the exclusive or of the entries of its bits. So eight
 * numbers a table say everything, and macros make the 256 constant expressions from them.
 *
 * crc16_table: polynomial 0x1021, most significant bit first (XMODEM).
 * crc64_table: polynomial 0xad93d23594c935a9, least significant bit first (Jones). Slice k is the effect of a
 * byte that k more bytes follow. Its bit i is the register after 8 * (k + 1) - i steps from 1, so that the 64
 * numbers are one run of the shift register.
 */
#ifndef PYREDIS_CRCTABLES_H
#define PYREDIS_CRCTABLES_H

#include <stdint.h>

#define CRC_BITS(b, t0, t1, t2, t3, t4, t5, t6, t7)                                                   \
    (((b) & 1 ? t0 : 0) ^ ((b) & 2 ? t1 : 0) ^ ((b) & 4 ? t2 : 0) ^ ((b) & 8 ? t3 : 0) ^              \
     ((b) & 16 ? t4 : 0) ^ ((b) & 32 ? t5 : 0) ^ ((b) & 64 ? t6 : 0) ^ ((b) & 128 ? t7 : 0))
#define CRC_4(b, ...)                                                                                 \
    CRC_BITS(b, __VA_ARGS__), CRC_BITS((b) + 1, __VA_ARGS__), CRC_BITS((b) + 2, __VA_ARGS__),         \
        CRC_BITS((b) + 3, __VA_ARGS__)
#define CRC_16(b, ...)                                                                                \
    CRC_4(b, __VA_ARGS__), CRC_4((b) + 4, __VA_ARGS__), CRC_4((b) + 8, __VA_ARGS__),                  \
        CRC_4((b) + 12, __VA_ARGS__)
#define CRC_64(b, ...)                                                                                \
    CRC_16(b, __VA_ARGS__), CRC_16((b) + 16, __VA_ARGS__), CRC_16((b) + 32, __VA_ARGS__),             \
        CRC_16((b) + 48, __VA_ARGS__)
#define CRC_256(...)                                                                                  \
    CRC_64(0, __VA_ARGS__), CRC_64(64, __VA_ARGS__), CRC_64(128, __VA_ARGS__), CRC_64(192, __VA_ARGS__)
#define CRC64_SLICE(...) {CRC_256(__VA_ARGS__)}

static const uint16_t crc16_table[256] = {
    CRC_256(0x1021, 0x2042, 0x4084, 0x8108, 0x1231, 0x2462, 0x48c4, 0x9188)};

static const uint64_t crc64_table[8][256] = {
    CRC64_SLICE(0x7ad870c830358979ULL, 0xf5b0e190606b12f2ULL, 0xc038e5739841b68fULL, 0xab28ecb46814fe75ULL,
                0x7d08ff3b88be6f81ULL, 0xfa11fe77117cdf02ULL, 0xdf7adabd7a6e2d6fULL, 0x95ac9329ac4bc9b5ULL),
    CRC64_SLICE(0x89e99ffd73bddf69ULL, 0x388a19a9bfec2db9ULL, 0x711433537fd85b72ULL, 0xe22866a6ffb0b6e4ULL,
                0xef09eb1ea7f6fea3ULL, 0xf54af06e177a6e2dULL, 0xc1ccc68f76634f31ULL, 0xa8c0ab4db4510d09ULL),
    CRC64_SLICE(0xf4125129ce4038beULL, 0xc37d8400c417e217ULL, 0xada22e52d0b85745ULL, 0x701d7af6f9e73de1ULL,
                0xe03af5edf3ce7bc2ULL, 0xeb2ccd88bf0b64efULL, 0xfd00bd4226815ab5ULL, 0xd1585cd715952601ULL),
    CRC64_SLICE(0x8ce168638c796306ULL, 0x329bf69440655567ULL, 0x6537ed2880caaaceULL, 0xca6fda510195559cULL,
                0xbf8692f15bbd3853ULL, 0x545403b1efede3cdULL, 0xa8a80763dfdbc79aULL, 0x7a092894e7201c5fULL),
    CRC64_SLICE(0x3504e58b9ba6dd1eULL, 0x6a09cb17374dba3cULL, 0xd413962e6e9b7478ULL, 0x837e0a0f85a17b9bULL,
                0x2da5324c53d5645dULL, 0x5b4a6498a7aac8baULL, 0xb694c9314f559174ULL, 0x4670b431c63cb183ULL),
    CRC64_SLICE(0xe39d1389931b9354ULL, 0xec6301407ea0b5c3ULL, 0xf39f24d3a5d6f8edULL, 0xcc676ff4133a62b1ULL,
                0xb397f9bb7ee35609ULL, 0x4c76d525a5513f79ULL, 0x98edaa4b4aa27ef2ULL, 0x1a8272c5cdd36e8fULL),
    CRC64_SLICE(0x62a95de6e302eff2ULL, 0xc552bbcdc605dfe4ULL, 0xa1fc51c8d49c2ca3ULL, 0x68a185c2f1afca2dULL,
                0xd1430b85e35f945aULL, 0x89df31589e28bbdfULL, 0x38e744e264c6e4d5ULL, 0x71ce89c4c98dc9aaULL),
    CRC64_SLICE(0x381d0015c96f4444ULL, 0x703a002b92de8888ULL, 0xe074005725bd1110ULL, 0xebb126fd13edb14bULL,
                0xfc3b6ba97f4cf1fdULL, 0xd32ff101a60e7091ULL, 0x8d06c450148b7249ULL, 0x3154aef3718177f9ULL)
};

#undef CRC_BITS
#undef CRC_4
#undef CRC_16
#undef CRC_64
#undef CRC_256
#undef CRC64_SLICE

#endif
