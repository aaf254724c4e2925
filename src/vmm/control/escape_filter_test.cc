#include "vmm/control/escape_filter.h"

#include <gtest/gtest.h>

namespace inro::vmm {
namespace {

// What is sent of these pieces; "LEFT" is added when the user leaves.
std::string Sent(std::initializer_list<std::string> pieces) {
  EscapeFilter filter;
  std::string all;
  for (std::string piece : pieces) {
    if (!filter.Pass(piece)) return all + "LEFT";
    all += piece;
  }
  return all;
}

TEST(EscapeFilter, LeavesOnlyWhenToldTo) {
  EXPECT_EQ(Sent({"ls ~/x\r"}), "ls ~/x\r");
  EXPECT_EQ(Sent({"~."}), "LEFT");
  EXPECT_EQ(Sent({"~", "."}), "LEFT");
  EXPECT_EQ(Sent({"ls\r", "~."}), "ls\rLEFT");
  EXPECT_EQ(Sent({"ls\r", "~", "x\r"}), "ls\r~x\r");
  EXPECT_EQ(Sent({"~~.\r"}), "~.\r");
  EXPECT_EQ(Sent({"a~."}), "a~.");
  EXPECT_EQ(Sent({"ab", "\x1d", "c"}), "abLEFT");
}

}  // namespace
}  // namespace inro::vmm
