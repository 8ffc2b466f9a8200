#include "io/customers.h"

#include <stdlib.h>
#include <string.h>

#include "comm/shuffle.h"

struct clv_customers {
  clv_customers_tally tally;
};

static const char *const ALL[1] = {"all"};

clv_status clv_customers_read(const clv_comm *comm, const clv_config *config, const clv_csv_files *files,
                              clv_rejects *rejects, uint32_t first_file, clv_customers **out) {
  clv_status     st   = CLV_OK;
  clv_customers *self = NULL;
  (void)config, (void)files, (void)rejects, (void)first_file;
  CLV_TRY(clv_comm_agree(comm, clv_calloc(1, sizeof *self, (void **)&self)));
  *out = self;
out:
  return st;
}

void clv_customers_free(clv_customers **self) {
  free(*self);
  *self = NULL;
}

bool clv_customers_join(clv_customers *self, const char *id, size_t n) {
  (void)id, (void)n;
  self->tally.joined++;
  return true;
}

clv_status clv_customers_settle(clv_customers *self, const clv_comm *comm, clv_status mine) {
  (void)self;
  return clv_comm_agree(comm, mine);
}

size_t clv_customers_n_segment(const clv_customers *self) { return (void)self, 1; }

const char *const *clv_customers_segments(const clv_customers *self) { return (void)self, ALL; }

size_t clv_customers_n_covariate(const clv_customers *self) { return (void)self, 0; }

const char *const *clv_customers_covariates(const clv_customers *self) { return (void)self, NULL; }

const clv_customers_tally *clv_customers_tally_get(const clv_customers *self) { return &self->tally; }

void clv_customers_values(const clv_customers *self, const char *id, size_t n, uint32_t *segment,
                          double *covariate) {
  (void)self, (void)id, (void)n, (void)covariate;
  *segment = 0;
}

/* High bits of the hash: tables of ids use the low ones. */
int clv_customers_owner(const char *id, size_t n, int size) {
  return (int)(((__uint128_t)clv_hash(id, n) * (unsigned)size) >> 64);
}
