/* powers.h -- powers of ten for writing doubles: 10^k for k = -348, -340 .. 340.
 *
 * Entry i is the 64 leading bits, rounded to nearest, of 10^(8i - 348); its exponent needs no table, for
 * 10^k lies in [2^e, 2^(e+1)) with e = (k * 1741647) >> 19 in this range.
 */
#ifndef PYREDIS_POWERS_H
#define PYREDIS_POWERS_H

#include <stdint.h>

static const uint64_t powers_ten[87] = {
    0xfa8fd5a0081c0288ULL, 0xbaaee17fa23ebf76ULL, 0x8b16fb203055ac76ULL, 0xcf42894a5dce35eaULL,
    0x9a6bb0aa55653b2dULL, 0xe61acf033d1a45dfULL, 0xab70fe17c79ac6caULL, 0xff77b1fcbebcdc4fULL,
    0xbe5691ef416bd60cULL, 0x8dd01fad907ffc3cULL, 0xd3515c2831559a83ULL, 0x9d71ac8fada6c9b5ULL,
    0xea9c227723ee8bcbULL, 0xaecc49914078536dULL, 0x823c12795db6ce57ULL, 0xc21094364dfb5637ULL,
    0x9096ea6f3848984fULL, 0xd77485cb25823ac7ULL, 0xa086cfcd97bf97f4ULL, 0xef340a98172aace5ULL,
    0xb23867fb2a35b28eULL, 0x84c8d4dfd2c63f3bULL, 0xc5dd44271ad3cdbaULL, 0x936b9fcebb25c996ULL,
    0xdbac6c247d62a584ULL, 0xa3ab66580d5fdaf6ULL, 0xf3e2f893dec3f126ULL, 0xb5b5ada8aaff80b8ULL,
    0x87625f056c7c4a8bULL, 0xc9bcff6034c13053ULL, 0x964e858c91ba2655ULL, 0xdff9772470297ebdULL,
    0xa6dfbd9fb8e5b88fULL, 0xf8a95fcf88747d94ULL, 0xb94470938fa89bcfULL, 0x8a08f0f8bf0f156bULL,
    0xcdb02555653131b6ULL, 0x993fe2c6d07b7facULL, 0xe45c10c42a2b3b06ULL, 0xaa242499697392d3ULL,
    0xfd87b5f28300ca0eULL, 0xbce5086492111aebULL, 0x8cbccc096f5088ccULL, 0xd1b71758e219652cULL,
    0x9c40000000000000ULL, 0xe8d4a51000000000ULL, 0xad78ebc5ac620000ULL, 0x813f3978f8940984ULL,
    0xc097ce7bc90715b3ULL, 0x8f7e32ce7bea5c70ULL, 0xd5d238a4abe98068ULL, 0x9f4f2726179a2245ULL,
    0xed63a231d4c4fb27ULL, 0xb0de65388cc8ada8ULL, 0x83c7088e1aab65dbULL, 0xc45d1df942711d9aULL,
    0x924d692ca61be758ULL, 0xda01ee641a708deaULL, 0xa26da3999aef774aULL, 0xf209787bb47d6b85ULL,
    0xb454e4a179dd1877ULL, 0x865b86925b9bc5c2ULL, 0xc83553c5c8965d3dULL, 0x952ab45cfa97a0b3ULL,
    0xde469fbd99a05fe3ULL, 0xa59bc234db398c25ULL, 0xf6c69a72a3989f5cULL, 0xb7dcbf5354e9beceULL,
    0x88fcf317f22241e2ULL, 0xcc20ce9bd35c78a5ULL, 0x98165af37b2153dfULL, 0xe2a0b5dc971f303aULL,
    0xa8d9d1535ce3b396ULL, 0xfb9b7cd9a4a7443cULL, 0xbb764c4ca7a44410ULL, 0x8bab8eefb6409c1aULL,
    0xd01fef10a657842cULL, 0x9b10a4e5e9913129ULL, 0xe7109bfba19c0c9dULL, 0xac2820d9623bf429ULL,
    0x80444b5e7aa7cf85ULL, 0xbf21e44003acdd2dULL, 0x8e679c2f5e44ff8fULL, 0xd433179d9c8cb841ULL,
    0x9e19db92b4e31ba9ULL, 0xeb96bf6ebadf77d9ULL, 0xaf87023b9bf0ee6bULL,
};

#endif
