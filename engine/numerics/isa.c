#include "engine/numerics/isa.h"

#include <stdlib.h>
#include <string.h>

static clv_isa isa_of_cpu(void) {
#if defined(CLV_HAVE_AVX2) && defined(CLV_HAVE_AVX512)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw"))
    return CLV_ISA_AVX512_ALL;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return CLV_ISA_AVX2_FMA;
#endif
  return CLV_ISA_PLAIN_C;
}

clv_isa clv_isa_best(void) {
  const clv_isa best  = isa_of_cpu();
  const char   *asked = getenv("CLV_ISA");
  if (asked == NULL) return best;
  for (clv_isa isa = CLV_ISA_PLAIN_C; isa < best; isa++)
    if (strcmp(asked, clv_isa_name(isa)) == 0) return isa;
  return best;
}

const char *clv_isa_name(clv_isa isa) {
  static const char *const NAME[] = {"plain", "avx2", "avx512"};
  return NAME[isa];
}
