#include "engine/sampler/gather.h"

#include <stdlib.h>
#include <string.h>

#include "comm/blocks.h"

clv_status clv_gather_chains(const clv_topology *topology, int n_chain, const void *mine, size_t bytes,
                             void *all) {
  const int    groups = clv_topology_n_group(topology);
  const size_t most   = (size_t)(n_chain / groups + 1) * bytes; /* groups differ by at most one chain */
  char        *padded = NULL, *got = NULL;
  clv_status   st = CLV_OK;
  int          first, last;
  clv_topology_chains(topology, n_chain, &first, &last);
  const size_t held = (size_t)(last - first) * bytes;
  if (groups == 1) {
    if (held > 0) memcpy(all, mine, held);
    return CLV_OK;
  }
  CLV_TRY(clv_calloc(most + 1, 1, (void **)&padded));
  CLV_TRY(clv_calloc(most + 1, (size_t)groups, (void **)&got));
out:
  st = clv_comm_agree(clv_topology_world(topology), st);
  if (st == CLV_OK) {
    CLV_CHECK(padded != NULL && got != NULL);
    if (held > 0) memcpy(padded, mine, held);
    clv_comm_allgather(clv_topology_across(topology), padded, most, got);
    for (int g = 0; g < groups; g++) {
      uint64_t from, to;
      clv_slice_of((uint64_t)n_chain, g, groups, &from, &to);
      memcpy((char *)all + from * bytes, got + (size_t)g * most, (to - from) * bytes);
    }
  }
  free(padded), free(got);
  return st;
}
