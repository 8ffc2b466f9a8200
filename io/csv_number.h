#ifndef CLV_IO_CSV_NUMBER_H
#define CLV_IO_CSV_NUMBER_H

#include <stdbool.h>
#include <stddef.h>

/** Read the whole of text[0 … n) as a decimal number: sign, digits with one point, exponent; blanks at either
 * end are ignored. Correctly rounded, whatever the locale. Not collective.
 *  @param[out] value  touched only where true is returned
 *  @return false for anything else: empty, "1,5", "NaN", "inf", hexadecimal, more than 64 characters, beyond
 * a double */
bool clv_csv_number(const char *text, size_t n, double *value);

#endif
