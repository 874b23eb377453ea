/* Compiled with the engine's flags; see needs.h. */
#include "models/net/needs.h"

const unsigned assay_net_needs = 0
#ifdef __AVX__
                                 | ASSAY_NEEDS_AVX
#endif
#ifdef __AVX2__
                                 | ASSAY_NEEDS_AVX2
#endif
#ifdef __FMA__
                                 | ASSAY_NEEDS_FMA
#endif
#ifdef __BMI2__
                                 | ASSAY_NEEDS_BMI2
#endif
#ifdef __AVX512F__
                                 | ASSAY_NEEDS_AVX512F
#endif
#ifdef __AVX512VL__
                                 | ASSAY_NEEDS_AVX512VL
#endif
#ifdef __AVX512DQ__
                                 | ASSAY_NEEDS_AVX512DQ
#endif
#ifdef __AVX512BW__
                                 | ASSAY_NEEDS_AVX512BW
#endif
    ;
