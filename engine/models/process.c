#include "engine/models/process.h"

#include <string.h>

#include "engine/models/bg_bb.h"
#include "engine/models/bg_family.h"
#include "engine/models/cnbd.h"
#include "engine/models/gamma_gamma.h"
#include "engine/models/gamma_value.h"
#include "engine/models/pareto_nbd.h"
#include "engine/models/pareto_nbd_lognormal.h"

static const clv_process_ops *const PROCESS[] = {&CLV_BG_NBD_PROCESS, &CLV_MBG_NBD_PROCESS,
                                                 &CLV_PARETO_NBD_PROCESS, &CLV_PARETO_NBD_LOGNORMAL_PROCESS,
                                                 &CLV_BG_BB_PROCESS};
static const clv_spend_ops *const   SPEND[]   = {&CLV_GAMMA_GAMMA_SPEND, &CLV_GAMMA_VALUE_SPEND,
                                                 &CLV_LOGNORMAL_SPEND};

const char *clv_acts_on_name(clv_acts_on on) {
  static const char *const NAME[CLV_ON_N] = {"purchases", "dropout", "spend"};
  return NAME[on];
}

const clv_process_ops *clv_process_find(const char *name) {
  for (size_t i = 0; i < sizeof PROCESS / sizeof *PROCESS; i++)
    if (strcmp(PROCESS[i]->name, name) == 0) return PROCESS[i];
  for (size_t k = 0; k < CLV_ERLANG_MOST; k++) {
    if (strcmp(CLV_BG_CNBD_PROCESS[k].name, name) == 0) return &CLV_BG_CNBD_PROCESS[k];
    if (strcmp(CLV_MBG_CNBD_PROCESS[k].name, name) == 0) return &CLV_MBG_CNBD_PROCESS[k];
  }
  return NULL;
}

const clv_spend_ops *clv_spend_find(const char *name) {
  for (size_t i = 0; i < sizeof SPEND / sizeof *SPEND; i++)
    if (strcmp(SPEND[i]->name, name) == 0) return SPEND[i];
  return NULL;
}
