// The program of all boot tests. It executes itself again as the supervisor of its guests.
#include <gtest/gtest.h>

#include "vmm/guest/supervisor.h"

int main(int argc, char** argv) {
  if (const auto code = inro::vmm::MaybeSupervise(argc, argv)) return *code;
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
