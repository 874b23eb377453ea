/* Whether the processor has the instructions that the network engine was compiled for
 * (configure --with-march). */
#ifndef ASSAY_MODELS_MACHINE_H
#define ASSAY_MODELS_MACHINE_H

/* ASSAY_EINVAL names the instructions that are missing and what to do. The Lua module and
 * assay_tape_new ask it before anything of the engine runs. */
int assay_machine_check(void);

#endif
