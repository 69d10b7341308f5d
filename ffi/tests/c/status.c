/* Every status has its name; what is none has none. */
#include "check.h"

int main(void) {
  CHECK(strcmp(vt_status_name(VT_OK), "VT_OK") == 0);
  CHECK(strcmp(vt_status_name(VT_ECONTEXT), "VT_ECONTEXT") == 0);
  CHECK(strcmp(vt_status_name(VT_EINTERNAL), "VT_EINTERNAL") == 0);
  CHECK(strcmp(vt_status_name(1), "VT_E?") == 0);
  CHECK(strcmp(vt_status_name(INT32_MIN), "VT_E?") == 0);
  puts("ok");
  return 0;
}
