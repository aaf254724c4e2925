#include "guest/init/condition_match.h"

#include <gtest/gtest.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "guest/init/conditions.h"
#include "unit/kernel_command_line.h"

namespace inro::guest {
namespace {

TEST(CompareVersions, OrdersAsTheSpecificationSays) {
  const char* const ascending[] = {"122.1~rc1", "122.1",  "123~rc1", "123",       "123-a",
                                   "123-a.1",   "123-1",  "123-1.1", "123^post1", "123.a-1",
                                   "123.1-1",   "123a-1", "124-1"};
  for (std::size_t i = 0; i + 1 < std::size(ascending); ++i) {
    EXPECT_LT(CompareVersions(ascending[i], ascending[i + 1]), 0)
        << ascending[i] << " " << ascending[i + 1];
    EXPECT_GT(CompareVersions(ascending[i + 1], ascending[i]), 0);
    EXPECT_EQ(CompareVersions(ascending[i], ascending[i]), 0);
  }
  EXPECT_EQ(CompareVersions("6.01", "6.1"), 0);
}

TEST(MatchesKernelVersion, OperatorsAndPatterns) {
  EXPECT_TRUE(MatchesKernelVersion("6.1.0-18-cloud", ">=6.1 <7"));
  EXPECT_TRUE(MatchesKernelVersion("6.1.0-18-cloud", ">= 6.1"));
  EXPECT_TRUE(MatchesKernelVersion("6.1.0-18-cloud", "6.*-cloud"));
  EXPECT_FALSE(MatchesKernelVersion("6.1.0-18-cloud", "<6.1"));
  EXPECT_FALSE(MatchesKernelVersion("6.1.0", ""));
  EXPECT_FALSE(MatchesKernelVersion("6.1.0", ">="));
}

TEST(MatchesAmount, DefaultsToAtLeast) {
  EXPECT_TRUE(MatchesAmount(std::uint64_t{2} << 30, "1G"));
  EXPECT_FALSE(MatchesAmount(std::uint64_t{1} << 20, "2M"));
  EXPECT_TRUE(MatchesAmount(4, "<= 4"));
  EXPECT_TRUE(MatchesAmount(4, "!=5"));
  EXPECT_FALSE(MatchesAmount(4, "many"));
}

TEST(MatchesOsRelease, TextAndVersions) {
  const char* const text = "ID=debian\nVERSION_ID=\"12\"\n";
  EXPECT_TRUE(MatchesOsRelease(text, "ID=debian VERSION_ID>=9"));
  EXPECT_FALSE(MatchesOsRelease(text, "ID=debian VERSION_ID<9"));
  EXPECT_TRUE(MatchesOsRelease(text, "ID!=fedora"));
  EXPECT_FALSE(MatchesOsRelease(text, "nonsense"));
}

TEST(MatchesPressure, TheShareOfAnInterval) {
  const char* const text = "some avg10=1.50 avg60=0.75 avg300=40.00 total=1\nfull avg10=0.00";
  EXPECT_TRUE(MatchesPressure(text, "2%/10sec"));
  EXPECT_FALSE(MatchesPressure(text, "1%/10sec"));
  EXPECT_TRUE(MatchesPressure(text, "app.slice:1%/1min"));
  EXPECT_FALSE(MatchesPressure(text, "39%"));
  EXPECT_FALSE(MatchesPressure("", "50%"));
}

bool Holds(unit::ConditionKind kind, const std::string& value) {
  static const auto line = unit::KernelCommandLine::Parse("quiet");
  unit::Condition condition;
  condition.kind = kind;
  condition.value = value;
  return EvaluateCondition(condition, line);
}

TEST(EvaluateCondition, OfThisMachine) {
  using Kind = unit::ConditionKind;
  struct utsname system{};
  ::uname(&system);
  EXPECT_TRUE(Holds(Kind::kKernelVersion, std::string("=") + system.release));
  EXPECT_TRUE(Holds(Kind::kMemory, "1M"));
  EXPECT_FALSE(Holds(Kind::kMemory, "<1M"));
  EXPECT_TRUE(Holds(Kind::kCpus, ">=1"));
  ::setenv("INRO_CONDITION", "set", 1);
  EXPECT_TRUE(Holds(Kind::kEnvironment, "INRO_CONDITION"));
  EXPECT_TRUE(Holds(Kind::kEnvironment, "INRO_CONDITION=set"));
  EXPECT_FALSE(Holds(Kind::kEnvironment, "INRO_CONDITION=other"));
  EXPECT_TRUE(Holds(Kind::kHost, system.nodename));
  EXPECT_FALSE(Holds(Kind::kHost, "no-such-host"));
  EXPECT_TRUE(Holds(Kind::kControlGroupController, "v1") !=
              Holds(Kind::kControlGroupController, "v2"));
  EXPECT_TRUE(Holds(Kind::kGroup, "root"));
  EXPECT_TRUE(Holds(Kind::kPathExistsGlob, "/et?/pass*d"));
  EXPECT_FALSE(Holds(Kind::kPathExistsGlob, "/et?/no-such-*"));
  EXPECT_FALSE(Holds(Kind::kPathIsSocket, "/etc/passwd"));
  EXPECT_FALSE(Holds(Kind::kPathIsEncrypted, "/"));
  EXPECT_TRUE(Holds(Kind::kVersion, "systemd >= 200"));
  EXPECT_FALSE(Holds(Kind::kSecurity, "no-such-thing"));
  EXPECT_FALSE(Holds(Kind::kKernelModuleLoaded, "no-such-module"));
#if defined(__x86_64__)
  EXPECT_TRUE(Holds(Kind::kCpuFeature, "fpu"));
  EXPECT_FALSE(Holds(Kind::kCpuFeature, "no-such-feature"));
#endif
}

}  // namespace
}  // namespace inro::guest
