#include "engine/sampler/latent_state.h"

#include <stdlib.h>
#include <string.h>

#include "comm/shuffle.h"

/* Bumped whenever what is saved changes shape or meaning. */
#define STATE_VERSION 1u

/* Eight-byte pieces only: no padding is saved. */
typedef struct state_header {
  char     magic[8];
  uint64_t version;
  uint64_t bytes; /* in all, this header included */
  uint64_t hash;  /* of all that follows the header */
  char     model[CLV_NAME_MAX];
  uint64_t n_phi, n_row, width, n_customer;
  int64_t  num_chains, num_warmup, num_samples, max_tree_depth;
  uint64_t seed;
  double   target_accept;
  int64_t  is_settled, first, kept;
} state_header;

static const char MAGIC[8] = {'C', 'L', 'V', 'L', 'A', 'T', 'N', 'T'};

static size_t record_bytes(const clv_latent_state *self, size_t kept) {
  return clv_latent_chain_record_bytes(self->chain) +
         kept * (self->n_row * sizeof(double) + sizeof(clv_draw_stat));
}

static state_header state_describe(const clv_latent_state *self, int kept) {
  const clv_sampler_plan *plan = &self->setting->plan;
  state_header            head;
  memset(&head, 0, sizeof head);
  memcpy(head.magic, MAGIC, sizeof MAGIC);
  strncpy(head.model, self->setting->hyper.ops->name, sizeof head.model - 1);
  head.version        = STATE_VERSION;
  head.bytes          = sizeof head + (size_t)plan->num_chains * record_bytes(self, (size_t)kept);
  head.n_phi          = self->setting->n_phi;
  head.n_row          = self->n_row;
  head.width          = self->setting->width;
  head.n_customer     = self->n_customer;
  head.num_chains     = plan->num_chains;
  head.num_warmup     = plan->num_warmup;
  head.num_samples    = plan->num_samples;
  head.max_tree_depth = plan->max_tree_depth;
  head.seed           = plan->seed;
  head.target_accept  = plan->target_accept;
  head.is_settled     = self->is_settled;
  head.first          = self->first;
  head.kept           = kept;
  return head;
}

/* One chain's record: its slab, its kept draws (those it does not have are zero), their statistics. */
static void record_pack(const clv_latent_state *self, size_t c, size_t kept, char *to) {
  const size_t chain = clv_latent_chain_record_bytes(self->chain), row = self->n_row * sizeof(double);
  const size_t mine = (size_t)(clv_latent_chain_n_draw(&self->chain[c]) - self->first);
  clv_latent_chain_pack(&self->chain[c], to);
  if (mine == 0) return;
  memcpy(to + chain, self->row + c * self->capacity * self->n_row, mine * row);
  memcpy(to + chain + kept * row, self->stat + c * self->capacity, mine * sizeof *self->stat);
}

clv_status clv_latent_state_save(const clv_latent_state *self, int kept, void **bytes, size_t *n) {
  state_header head   = state_describe(self, kept);
  const size_t record = record_bytes(self, (size_t)kept);
  char        *all    = NULL;
  clv_status   st     = CLV_OK;
  CLV_TRY(clv_calloc(1, head.bytes, (void **)&all));
  for (size_t c = 0; c < (size_t)head.num_chains; c++)
    record_pack(self, c, (size_t)kept, all + sizeof head + c * record);
  head.hash = clv_hash(all + sizeof head, head.bytes - sizeof head);
  memcpy(all, &head, sizeof head);
  *bytes = all;
  *n     = head.bytes;
out:
  return st;
}

clv_status clv_latent_state_check(const clv_latent_state *self, const void *bytes, size_t n, int *kept,
                                  int *first, bool *is_settled) {
  state_header head;
  if (n < sizeof head)
    return clv_fail(CLV_EDATA, "sampler state: %zu bytes are too few; start again without it", n);
  memcpy(&head, bytes, sizeof head);
  if (memcmp(head.magic, MAGIC, sizeof MAGIC) != 0 || head.version != STATE_VERSION)
    return clv_fail(CLV_EDATA, "sampler state: not of this version of the program; start again without it");
  if (head.first < 0 || head.kept < 0 || head.kept > INT32_MAX / 2 || head.first > INT32_MAX / 2)
    return clv_fail(CLV_EDATA, "sampler state: damaged; start again without it");
  state_header mine = state_describe(self, (int)head.kept);
  if (memcmp(mine.model, head.model, sizeof mine.model) != 0 || mine.n_phi != head.n_phi ||
      mine.n_row != head.n_row || mine.width != head.width || mine.n_customer != head.n_customer)
    return clv_fail(CLV_EUSAGE,
                    "sampler state: it is of model '%.*s' with %llu customers, this is '%s' with %llu, or "
                    "other customers' draws are kept",
                    CLV_NAME_MAX, head.model, (unsigned long long)head.n_customer, mine.model,
                    (unsigned long long)mine.n_customer);
  if (memcmp(&mine.num_chains, &head.num_chains, 4 * sizeof head.num_chains) != 0 || mine.seed != head.seed ||
      mine.target_accept != head.target_accept)
    return clv_fail(CLV_EUSAGE,
                    "sampler state: num_chains, num_warmup, num_samples, target_accept, "
                    "max_tree_depth or seed differ from those it was saved with");
  if (head.bytes != n || mine.bytes != n ||
      head.hash != clv_hash((const char *)bytes + sizeof head, n - sizeof head))
    return clv_fail(CLV_EDATA, "sampler state: damaged; start again without it");
  *kept       = (int)head.kept;
  *first      = (int)head.first;
  *is_settled = head.is_settled != 0;
  return CLV_OK;
}

void clv_latent_state_restore(const clv_latent_state *self, const void *bytes) {
  state_header head;
  memcpy(&head, bytes, sizeof head);
  const size_t kept = (size_t)head.kept, record = record_bytes(self, kept);
  const size_t chain = clv_latent_chain_record_bytes(self->chain), row = self->n_row * sizeof(double);
  const char  *from = (const char *)bytes + sizeof head;
  for (size_t c = 0; c < (size_t)head.num_chains; c++, from += record) {
    clv_latent_chain_unpack(&self->chain[c], from);
    if (kept == 0) continue;
    memcpy(self->row + c * self->capacity * self->n_row, from + chain, kept * row);
    memcpy(self->stat + c * self->capacity, from + chain + kept * row, kept * sizeof *self->stat);
  }
}
