/*
 * The engine's sources are compiled for the processors of the machine that built them, this file
 * for any: it runs where they would die of an illegal instruction, and says so instead.
 */
#include "models/machine.h"

#include <stdbool.h>
#include <stddef.h>

#include "core/status.h"
#include "models/net/needs.h"

int assay_machine_check(void)
{
#if defined __x86_64__ && defined __GNUC__
    __builtin_cpu_init();
    const struct {
        unsigned need;
        const char *name;
        bool here;
    } instructions[] = {
        {ASSAY_NEEDS_AVX, "AVX", __builtin_cpu_supports("avx")},
        {ASSAY_NEEDS_AVX2, "AVX2", __builtin_cpu_supports("avx2")},
        {ASSAY_NEEDS_FMA, "FMA", __builtin_cpu_supports("fma")},
        {ASSAY_NEEDS_BMI2, "BMI2", __builtin_cpu_supports("bmi2")},
        {ASSAY_NEEDS_AVX512F, "AVX-512F", __builtin_cpu_supports("avx512f")},
        {ASSAY_NEEDS_AVX512VL, "AVX-512VL", __builtin_cpu_supports("avx512vl")},
        {ASSAY_NEEDS_AVX512DQ, "AVX-512DQ", __builtin_cpu_supports("avx512dq")},
        {ASSAY_NEEDS_AVX512BW, "AVX-512BW", __builtin_cpu_supports("avx512bw")},
    };
    for (size_t i = 0; i < sizeof instructions / sizeof *instructions; i++)
        if ((assay_net_needs & instructions[i].need) && !instructions[i].here)
            return assay_fail(ASSAY_EINVAL,
                "net: this assay was built for processors with %s, which this one lacks; build it "
                "on this machine, or configure it with --with-march=no",
                instructions[i].name);
#endif
    return ASSAY_OK;
}
