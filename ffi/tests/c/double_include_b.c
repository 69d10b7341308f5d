/* See double_include_a.c. */
#include "vitte.h"
#include "vitte.h"

vt_status b_polls(const vt_hot *hot);
vt_status b_polls(const vt_hot *hot) { return vt_poll(hot); }
