#include "jobs/predict_best.h"

#include <stdbool.h>
#include <stdlib.h>

static bool is_better(const clv_best *a, const clv_best *b) {
  return a->key != b->key ? a->key > b->key : a->index < b->index;
}

void clv_best_offer(clv_best_list *self, const clv_best *candidate) {
  size_t place = self->n;
  if (self->n == CLV_BEST_MOST && !is_better(candidate, &self->item[self->n - 1])) return;
  if (self->n < CLV_BEST_MOST) self->n++;
  if (place == CLV_BEST_MOST) place--;
  for (; place > 0 && is_better(candidate, &self->item[place - 1]); place--)
    self->item[place] = self->item[place - 1];
  self->item[place] = *candidate;
}

clv_status clv_best_share(clv_best_list *self, const clv_comm *comm) {
  clv_best  *all   = NULL;
  size_t     bytes = 0;
  clv_status st =
      clv_comm_allgatherv(comm, self->item, self->n * sizeof *self->item, (void **)&all, &bytes, NULL);
  if (st < 0) return st;
  self->n = 0;
  for (size_t i = 0; i < bytes / sizeof *all; i++) clv_best_offer(self, &all[i]);
  free(all);
  return CLV_OK;
}
