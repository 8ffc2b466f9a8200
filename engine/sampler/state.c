#include "engine/sampler/state.h"

#include <stdlib.h>
#include <string.h>

#include "comm/shuffle.h"
#include "engine/sampler/gather.h"

/* Bumped whenever what the slabs hold changes shape or meaning. */
#define STATE_VERSION 2u

/* Eight-byte pieces only: no padding is saved. */
typedef struct state_header {
  char     magic[8];
  uint64_t version;
  uint64_t bytes; /* in all, this header included */
  uint64_t hash;  /* of all that follows the header */
  char     model[CLV_NAME_MAX];
  uint64_t dim;
  int64_t  num_chains;
  int64_t  num_warmup;
  int64_t  max_tree_depth;
  uint64_t seed;
  double   target_accept;
  double   log_step;
  double   warmup_gradients;
  int64_t  settled;
  int64_t  first; /* draw that the next leg begins with */
  int64_t  kept;  /* draws of each record */
} state_header;

static const char MAGIC[8] = {'C', 'L', 'V', 'S', 'T', 'A', 'T', 'E'};

clv_status clv_state_gather(const clv_topology *topology, const clv_chains *chains, int n_chain, int kept,
                            void **records) {
  const size_t bytes = clv_chains_record_bytes(chains, kept), n = (size_t)clv_chains_n(chains);
  char        *mine = NULL, *all = NULL;
  clv_status   st = CLV_OK;
  CLV_TRY(clv_calloc(n + 1, bytes, (void **)&mine));
  CLV_TRY(clv_calloc((size_t)n_chain, bytes, (void **)&all));
out:
  st = clv_comm_agree(clv_topology_world(topology), st);
  for (size_t i = 0; st == CLV_OK && i < n; i++) clv_chains_pack(chains, (int)i, kept, mine + i * bytes);
  if (st == CLV_OK) st = clv_gather_chains(topology, n_chain, mine, bytes, all);
  if (st == CLV_OK) *records = all, all = NULL;
  free(mine), free(all);
  return st;
}

static state_header state_describe(const clv_state *self, int kept) {
  const clv_sampler_plan *plan  = self->plan;
  const size_t            chain = clv_chains_record_bytes(self->chains, kept);
  state_header            head;
  memset(&head, 0, sizeof head);
  memcpy(head.magic, MAGIC, sizeof MAGIC);
  strncpy(head.model, self->model->ops->name, sizeof head.model - 1);
  head.version          = STATE_VERSION;
  head.bytes            = sizeof head + self->tuning->bytes + (size_t)plan->num_chains * chain;
  head.dim              = self->model->ops->n_dim(self->model->self);
  head.num_chains       = plan->num_chains;
  head.num_warmup       = plan->num_warmup;
  head.max_tree_depth   = plan->max_tree_depth;
  head.seed             = plan->seed;
  head.target_accept    = plan->target_accept;
  head.log_step         = self->tuning->log_step;
  head.warmup_gradients = self->tuning->warmup_gradients;
  head.settled          = self->tuning->settled;
  head.first            = clv_chains_first(self->chains);
  head.kept             = kept;
  return head;
}

clv_status clv_state_save(const clv_state *self, void **bytes, size_t *n) {
  const clv_comm *world = clv_topology_world(self->topology);
  int64_t         kept  = clv_chains_most_kept(self->chains);
  void           *chain = NULL;
  char           *all   = NULL;
  clv_status      st    = CLV_OK;
  clv_comm_max_i64(world, &kept, 1);
  state_header head = state_describe(self, (int)kept);
  CLV_TRY(clv_state_gather(self->topology, self->chains, self->plan->num_chains, (int)kept, &chain));
  CLV_TRY(clv_comm_agree(world, clv_calloc(1, head.bytes, (void **)&all)));
  CLV_CHECK(all != NULL && chain != NULL);
  memcpy(all + sizeof head, self->tuning->memory, self->tuning->bytes);
  memcpy(all + sizeof head + self->tuning->bytes, chain, head.bytes - sizeof head - self->tuning->bytes);
  head.hash = clv_hash(all + sizeof head, head.bytes - sizeof head);
  memcpy(all, &head, sizeof head);
  *bytes = all, all = NULL;
  *n = head.bytes;
out:
  free(chain), free(all);
  return st;
}

static clv_status state_check(const clv_state *self, const void *bytes, size_t n, state_header *head) {
  if (n < sizeof *head)
    return clv_fail(CLV_EDATA, "sampler state: %zu bytes are too few; start again without it", n);
  memcpy(head, bytes, sizeof *head);
  if (memcmp(head->magic, MAGIC, sizeof MAGIC) != 0 || head->version != STATE_VERSION)
    return clv_fail(CLV_EDATA, "sampler state: not of this version of the program; start again without it");
  if (head->first < 0 || head->kept < 0 || head->kept > INT32_MAX / 2 || head->first > INT32_MAX / 2)
    return clv_fail(CLV_EDATA, "sampler state: damaged; start again without it");
  state_header mine = state_describe(self, (int)head->kept);
  if (memcmp(mine.model, head->model, sizeof mine.model) != 0 || mine.dim != head->dim)
    return clv_fail(
        CLV_EUSAGE, "sampler state: it is of model '%.*s' with %llu coordinates, this is '%s' with %llu",
        CLV_NAME_MAX, head->model, (unsigned long long)head->dim, mine.model, (unsigned long long)mine.dim);
  if (mine.num_chains != head->num_chains || mine.num_warmup != head->num_warmup || mine.seed != head->seed ||
      mine.max_tree_depth != head->max_tree_depth || mine.target_accept != head->target_accept)
    return clv_fail(CLV_EUSAGE,
                    "sampler state: num_chains, num_warmup, target_accept, max_tree_depth or seed differ "
                    "from those it was "
                    "saved with; only num_samples may change");
  if (head->bytes != n || mine.bytes != n ||
      head->hash != clv_hash((const char *)bytes + sizeof *head, n - sizeof *head))
    return clv_fail(CLV_EDATA, "sampler state: damaged; start again without it");
  return CLV_OK;
}

clv_status clv_state_restore(const clv_state *self, const void *bytes, size_t n) {
  state_header head = {0};
  int          first, last;
  clv_status   st = state_check(self, bytes, n, &head);
  if (st == CLV_OK) st = clv_chains_rewind(self->chains, (int)head.first, (int)head.kept);
  CLV_TRY(clv_comm_agree(clv_topology_world(self->topology), st));
  const char  *from   = (const char *)bytes + sizeof head;
  const size_t record = clv_chains_record_bytes(self->chains, (int)head.kept);
  memcpy(self->tuning->memory, from, self->tuning->bytes);
  self->tuning->settled          = head.settled != 0;
  self->tuning->log_step         = head.log_step;
  self->tuning->warmup_gradients = head.warmup_gradients;
  from += self->tuning->bytes;
  clv_topology_chains(self->topology, self->plan->num_chains, &first, &last);
  for (int i = first; i < last; i++)
    clv_chains_unpack(self->chains, i - first, (int)head.kept, from + (size_t)i * record);
out:
  return st;
}
