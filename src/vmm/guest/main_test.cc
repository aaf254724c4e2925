// The tests start guests: this program is also their supervisor.
#include <gtest/gtest.h>

#include "vmm/guest/supervisor.h"

int main(int argc, char** argv) {
  if (const auto code = inro::vmm::MaybeSupervise(argc, argv)) return *code;
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
