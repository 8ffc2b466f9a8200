#ifndef CLV_IO_HISTORY_RULES_H
#define CLV_IO_HISTORY_RULES_H

#include "io/history.h"
#include "io/portfolio.h"

/** Turn the configured units, dates and policies into rules, and the portfolio's facts about time. Not
 * collective: a pure function of its arguments.
 *  @param first, last  times of the log's earliest and latest transaction
 *  @param[out] facts  units, dates, holdout_length and has_spend are set
 *  @return CLV_EUSAGE for a date that cannot be read or dates in the wrong order */
clv_status clv_history_rules_make(const clv_config *config, int64_t last, clv_history_rules *rules,
                                  clv_portfolio_facts *facts);

#endif
