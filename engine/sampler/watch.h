#ifndef CLV_ENGINE_SAMPLER_WATCH_H
#define CLV_ENGINE_SAMPLER_WATCH_H

#include "comm/comm.h"
#include "engine/sampler/sampler.h"

/** Seconds between two agreements of a group's ranks on whether to stop. */
#define CLV_WATCH_SECONDS 0.05

/** When the ranks of one group ask each other whether anybody wants to stop. The answers differ between ranks
 * and a round is microseconds to minutes long, so they meet every `every` rounds, and at each meeting the
 * slowest rank's clock sets the next `every`: all ranks count the same rounds, so none waits for a meeting
 * that another does not come to. */
typedef struct clv_watch {
  const clv_comm *shards; /* borrowed */
  bool            wanted; /* by this rank, since the last meeting */
  int64_t         rounds; /* since the last meeting */
  int64_t         every;
  double          since; /* clock at the last meeting */
} clv_watch;

/** Not collective. */
clv_watch clv_watch_of(const clv_comm *shards);

/** After each round. Collective over shards, synchronising in those rounds in which the ranks meet.
 *  @param mine  this rank wants to stop
 *  @return whether all ranks of the group stop now */
bool clv_watch_stops(clv_watch *self, bool mine);

#endif
