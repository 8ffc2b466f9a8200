#ifndef CLV_ENGINE_NUMERICS_ISA_H
#define CLV_ENGINE_NUMERICS_ISA_H

/** Instruction sets that kernels are compiled for. They give the same bits; only the speed differs. */
typedef enum clv_isa { CLV_ISA_PLAIN_C, CLV_ISA_AVX2_FMA, CLV_ISA_AVX512_ALL } clv_isa;

/** The best one this CPU has, lowered by the environment variable CLV_ISA (plain, avx2, avx512). Not
 * collective. */
clv_isa     clv_isa_best(void);
const char *clv_isa_name(clv_isa isa);

/** In a *.kernel.c, CLV_KERNEL(name) is name_plain, name_avx2 or name_avx512, as it is being compiled. */
#define CLV_KERNEL_JOIN_(name, isa) name##_##isa
#define CLV_KERNEL_JOIN(name, isa) CLV_KERNEL_JOIN_(name, isa)
#define CLV_KERNEL(name) CLV_KERNEL_JOIN(name, CLV_ISA)

/** Declares the three of them: CLV_KERNEL_DECLARE(void, name, (int argument)); */
#define CLV_KERNEL_DECLARE(type, name, arguments) \
  type name##_plain arguments;                    \
  type name##_avx2 arguments;                     \
  type name##_avx512 arguments

/** The one for `isa`, as an expression of function pointer type. */
#if defined(CLV_HAVE_AVX2) && defined(CLV_HAVE_AVX512)
#define CLV_KERNEL_PICK(name, isa) \
  ((isa) == CLV_ISA_AVX512_ALL ? name##_avx512 : (isa) == CLV_ISA_AVX2_FMA ? name##_avx2 : name##_plain)
#else
#define CLV_KERNEL_PICK(name, isa) ((void)(isa), name##_plain)
#endif

#endif
