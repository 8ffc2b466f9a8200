#ifndef CLV_ENGINE_SIMULATE_MARKET_H
#define CLV_ENGINE_SIMULATE_MARKET_H

#include "comm/status.h"
#include "engine/simulate/shopper.h"

/** A shop whose customers come in segments, each with parameters of its own around a typical segment's. */
typedef struct clv_market clv_market;

/** Segment g's coordinates (those in which models pool segments, engine/models/pooled.h; of
 * pareto_nbd_lognormal the means) are the typical shop's plus tau times a standard normal, named (seed,
 * SEGMENT, g). Not collective.
 *  @param typical  copied  @param n  segments; 1 is the typical shop itself
 *  @param unevenness  segment g has a share of customers proportional to (g + 1)^-unevenness */
clv_status clv_market_new(const clv_shop *typical, size_t n, double tau, double unevenness, clv_market **out);
/** Accepts NULL, leaves NULL. */
void clv_market_free(clv_market **self);

size_t          clv_market_n(const clv_market *self);
const clv_shop *clv_market_shop(const clv_market *self, size_t segment);

/** The segment of customer number `customer`: a pure function of the market and the number. Not collective.
 */
size_t clv_market_segment(const clv_market *self, uint64_t customer);

#endif
