#include "protocol/message.h"

#include <gtest/gtest.h>

#include "protocol/network_message.h"
#include "protocol/sandbox_message.h"

namespace inro::protocol {
namespace {

TEST(Message, UnknownFieldsAreSkippedAndTheLastValueWins) {
  Route route;
  // dest "a", an unknown varint and an unknown string, dest "b", scope of a wrong wire type.
  ASSERT_TRUE(Decode(std::string_view("\x0a\x01"
                                      "a\xf8\x01\x05\xfa\x01\x02zz\x0a\x01"
                                      "b\x2a\x01x",
                                      17),
                     route));
  EXPECT_EQ(route.dest, "b");
  EXPECT_EQ(route.scope, 0u);
}

TEST(Message, CutShortBytesAreMalformedAtAnyDepth) {
  Route route;
  EXPECT_FALSE(Decode(std::string_view("\x0a\x05"
                                       "ab",
                                       4),
                      route));
  UpdateRoutesRequest request;
  const std::string good = Encode(UpdateRoutesRequest{.routes = Routes{.routes = {{.dest = "x"}}}});
  EXPECT_TRUE(Decode(good, request));
  std::string bad = good;
  bad[5] = 9;  // the length of dest
  EXPECT_FALSE(Decode(bad, request));
}

TEST(Message, NegativeNumbersTakeTenBytes) {
  ARPNeighbor neighbor{.state = -1};
  const std::string bytes = Encode(neighbor);
  EXPECT_EQ(bytes.size(), 11u);
  ARPNeighbor back;
  ASSERT_TRUE(Decode(bytes, back));
  EXPECT_EQ(back.state, -1);
}

TEST(Message, AnEmptySubmessageIsPresent) {
  CreateSandboxRequest request;
  request.storages.emplace_back().fs_group.emplace();
  CreateSandboxRequest back;
  ASSERT_TRUE(Decode(Encode(request), back));
  ASSERT_EQ(back.storages.size(), 1u);
  EXPECT_TRUE(back.storages[0].fs_group.has_value());
}

}  // namespace
}  // namespace inro::protocol
