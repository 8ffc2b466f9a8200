#include "jobs/kept_customers.h"

#include <stdlib.h>
#include <string.h>

#include "engine/numerics/rng.h"

enum { IDS_AT_ONCE = 1 << 17 };

void clv_kept_customers_free(clv_kept_customers *self) {
  free(self->index);
  *self = (clv_kept_customers){0};
}

static int index_compare(const void *a, const void *b) {
  const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return x < y ? -1 : x > y;
}

static bool index_has(const uint64_t *list, size_t n, uint64_t value) {
  return n > 0 && bsearch(&value, list, n, sizeof *list, index_compare) != NULL;
}

/* A sample without replacement (Floyd's), the same on every rank. */
static clv_status sample_draw(const clv_config *config, uint64_t n_customer, clv_kept_customers *out) {
  clv_rng      rng = clv_rng_at(config->sampler.seed, CLV_RNG_SAMPLE, 0, 0, 0);
  const size_t n   = (uint64_t)config->predict.keep_sample < n_customer ? (size_t)config->predict.keep_sample
                                                                        : (size_t)n_customer;
  clv_status   st  = clv_alloc(n + 1, sizeof *out->index, (void **)&out->index);
  for (uint64_t top = n_customer - n; st == CLV_OK && out->n < n; top++) {
    const uint64_t pick  = clv_rng_below(&rng, top + 1),
                   taken = index_has(out->index, out->n, pick) ? top : pick;
    size_t at            = out->n++;
    for (; at > 0 && out->index[at - 1] > taken; at--) out->index[at] = out->index[at - 1];
    out->index[at] = taken;
  }
  return st;
}

/* found[k] becomes the index of the k-th named customer, where this rank has him. */
static void ids_match(const clv_strings *wanted, const char *bytes, const uint64_t *offset, uint64_t first,
                      uint64_t n, int64_t *found) {
  for (uint64_t i = 0; i < n; i++)
    for (size_t k = 0; k < wanted->n; k++) {
      const size_t length = (size_t)(offset[i + 1] - offset[i]);
      if (strlen(wanted->item[k]) == length && memcmp(wanted->item[k], bytes + offset[i], length) == 0)
        found[k] = (int64_t)(first + i);
    }
}

static clv_status ids_scan(const clv_comm *comm, const clv_portfolio *portfolio, const clv_strings *wanted,
                           int64_t *found) {
  const uint64_t all = clv_portfolio_facts_get(portfolio)->n_customer;
  uint64_t       first, last;
  clv_status     st = CLV_OK;
  clv_slice_of(all, clv_comm_rank(comm), clv_comm_size(comm), &first, &last);
  int64_t rounds = (int64_t)((last - first + IDS_AT_ONCE - 1) / IDS_AT_ONCE);
  clv_comm_max_i64(comm, &rounds, 1);
  for (int64_t k = 0; k < rounds; k++) {
    char          *bytes  = NULL;
    uint64_t      *offset = NULL;
    const uint64_t from = first + (uint64_t)k * IDS_AT_ONCE < last ? first + (uint64_t)k * IDS_AT_ONCE : last;
    const uint64_t n    = last - from < IDS_AT_ONCE ? last - from : IDS_AT_ONCE;
    CLV_TRY(clv_portfolio_read_ids(portfolio, from, n, &bytes, &offset));
    ids_match(wanted, bytes, offset, from, n, found);
    free(bytes);
    free(offset);
  }
  clv_comm_max_i64(comm, found, wanted->n);
out:
  return st;
}

static clv_status named_find(const clv_comm *comm, const clv_portfolio *portfolio, const clv_strings *wanted,
                             clv_kept_customers *out) {
  int64_t   *found = NULL;
  clv_status st    = clv_alloc(wanted->n, sizeof *found, (void **)&found);
  if (st == CLV_OK) st = clv_alloc(wanted->n, sizeof *out->index, (void **)&out->index);
  CLV_TRY(clv_comm_agree(comm, st));
  for (size_t k = 0; k < wanted->n; k++) found[k] = -1;
  CLV_TRY(ids_scan(comm, portfolio, wanted, found));
  for (size_t k = 0; k < wanted->n; k++) {
    if (found[k] < 0)
      CLV_TRY(clv_fail(CLV_EUSAGE,
                       "predict.keep_customers: entry %zu of %zu is no customer of this portfolio", k + 1,
                       wanted->n));
    out->index[out->n++] = (uint64_t)found[k];
  }
  qsort(out->index, out->n, sizeof *out->index, index_compare);
out:
  free(found);
  return st;
}

clv_status clv_kept_customers_find(const clv_comm *comm, const clv_portfolio *portfolio,
                                   const clv_config *config, clv_kept_customers *out) {
  clv_kept_customers kept = {0};
  clv_status         st   = CLV_OK;
  if (config->predict.keep_customers.n > 0)
    CLV_TRY(named_find(comm, portfolio, &config->predict.keep_customers, &kept));
  else if (config->predict.keep_sample > 0)
    CLV_TRY(clv_comm_agree(comm, sample_draw(config, clv_portfolio_facts_get(portfolio)->n_customer, &kept)));
  *out = kept;
  kept = (clv_kept_customers){0};
out:
  clv_kept_customers_free(&kept);
  return st;
}

bool clv_kept_customers_has(const clv_kept_customers *self, uint64_t customer) {
  return index_has(self->index, self->n, customer);
}
