#include "protocol/control_policy.h"

#include <gtest/gtest.h>

namespace inro::protocol {
namespace {

using enum ConsolePolicy;

TEST(ControlPolicy, FollowsTheDefinition) {
  EXPECT_EQ(MakeControlPolicy({}, {}), (ControlPolicy{kUnverified, false}));
  EXPECT_EQ(MakeControlPolicy(true, {}), (ControlPolicy{kAlways, true}));
  EXPECT_EQ(MakeControlPolicy(false, {}), (ControlPolicy{kNever, false}));
  EXPECT_EQ(MakeControlPolicy({}, true), (ControlPolicy{kUnverified, true}));
  EXPECT_EQ(MakeControlPolicy(false, true), (ControlPolicy{kNever, true}));
  EXPECT_EQ(MakeControlPolicy(true, false), (ControlPolicy{kAlways, false}));
}

TEST(ControlPolicy, TextAndBack) {
  for (const ConsolePolicy console : {kNever, kUnverified, kAlways}) {
    for (const bool exec : {false, true}) {
      const ControlPolicy policy{console, exec};
      EXPECT_EQ(ParseControlPolicy(ControlPolicyText(policy)), policy);
    }
  }
}

TEST(ControlPolicy, WhatCannotBeReadIsClosed) {
  const ControlPolicy closed{kNever, false};
  for (const char* text : {"", "console = always\n", "exec = yes\n",
                           "console = maybe\nexec = yes\n", "console = always\nexec = true\n",
                           "console always\nexec yes", "#console = always\n#exec = yes\n"}) {
    EXPECT_EQ(ParseControlPolicy(text), closed) << text;
  }
  EXPECT_EQ(ParseControlPolicy("# a comment\n\n console=always \r\nnew = 1\nexec =  yes"),
            (ControlPolicy{kAlways, true}));
}

TEST(ControlPolicy, AVerifiedRootIsTold) {
  EXPECT_FALSE(RootIsVerified("root=/dev/nvme0n1p1 ro quiet"));
  EXPECT_FALSE(RootIsVerified("dm-mod.create=\"x,,,ro,0 8 linear /dev/vda1 0\""));
  EXPECT_FALSE(RootIsVerified("my.roothash=12"));
  EXPECT_TRUE(RootIsVerified("root=/dev/dm-0 dm-mod.create=\"dm-verity,,,ro,0 8 verity 1 a b\""));
  EXPECT_TRUE(RootIsVerified("\"dm-mod.create=dm-verity,,,ro,0 8 verity 1 a b\""));
  EXPECT_TRUE(RootIsVerified("quiet roothash=abc"));
  EXPECT_TRUE(ConsoleAllowed({kUnverified, false}, "quiet"));
  EXPECT_FALSE(ConsoleAllowed({kUnverified, false}, "roothash=abc"));
  EXPECT_TRUE(ConsoleAllowed({kAlways, false}, "roothash=abc"));
  EXPECT_FALSE(ConsoleAllowed({kNever, true}, ""));
}

}  // namespace
}  // namespace inro::protocol
