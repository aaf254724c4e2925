#include <gtest/gtest.h>

#include "unit/command_line.h"
#include "unit/environment_file.h"
#include "unit/kernel_command_line.h"
#include "unit/specifier.h"
#include "unit/unit_name.h"
#include "unit/unit_syntax.h"
#include "unit/value.h"

namespace inro::unit {
namespace {

TEST(UnitSyntax, JoinsContinuationsAndSkipsComments) {
  Findings findings;
  const auto rows = ParseUnitSyntax("; c\n[A]\nX = one \\\n# note\n  two\nY=\n", "f", findings);
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->size(), 2U);
  EXPECT_EQ((*rows)[0].value, "one  two");
  EXPECT_EQ((*rows)[0].line, 3);
  EXPECT_EQ((*rows)[1].value, "");
  EXPECT_TRUE(findings.empty());
}

TEST(UnitSyntax, NamesFileAndLineOfWhatItCannotUse) {
  Findings findings;
  ASSERT_TRUE(ParseUnitSyntax("A=b\n[]\n[Y]\nnonsense\n", "f", findings));
  ASSERT_EQ(findings.size(), 3U);
  EXPECT_EQ(findings[2].line, 4);
  const auto broken = ParseUnitSyntax("[A]\nB=c\n[X\n[Y]\n", "f", findings);
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().line(), 3);
  // A NUL byte ends a line.
  const auto nul = ReadUnitSyntax(std::string_view("[A]\nB=\0C=d\n[", 13), "f", findings);
  ASSERT_EQ(nul.assignments.size(), 2U);
  EXPECT_EQ(nul.assignments[1].name, "C");
  EXPECT_EQ(nul.assignments[1].line, 3);
  ASSERT_TRUE(nul.error);
  EXPECT_EQ(nul.error->line(), 4);
  EXPECT_FALSE(ParseUnitSyntax("[A]\nB=" + std::string(1 << 20, 'x'), "f", findings));
  const auto line = ParseUnitSyntax("[A]\nB=" + std::string(100'000, 'x'), "f", findings);
  ASSERT_FALSE(line);
  EXPECT_EQ(line.error().line(), 2);
}

TEST(UnitName, KindsInstancesAndEscapes) {
  EXPECT_EQ(KindOf("a.service"), UnitKind::kService);
  EXPECT_FALSE(KindOf("a"));
  EXPECT_FALSE(KindOf("a/b.service"));
  EXPECT_FALSE(KindOf(".service"));
  EXPECT_EQ(TemplateOf("a@b.service"), "a@.service");
  EXPECT_EQ(TemplateOf("a.service"), "");
  EXPECT_EQ(Instantiate("a@.service", "x"), "a@x.service");
  EXPECT_EQ(EscapePath("/tmp//x-y/"), "tmp-x\\x2dy");
  EXPECT_EQ(EscapePath("/"), "-");
  EXPECT_EQ(Unescape("tmp-x\\x2dy"), "tmp/x-y");
}

TEST(Specifier, ExpandsAndRefusesUnknown) {
  EXPECT_EQ(*ExpandSpecifiers("%p %i %I %n %N %% %t%S", "a@b-c.service"),
            "a b-c b/c a@b-c.service a@b-c % /run/var/lib");
  EXPECT_EQ(*ExpandSpecifiers("%m", "a.service"), "%m");
  EXPECT_EQ(*ExpandSpecifiers("%m", "a.service", {"", "id", "", ""}), "id");
  EXPECT_FALSE(ExpandSpecifiers("%z", "a.service"));
}

TEST(Value, TimesLimitsSignalsCapabilities) {
  EXPECT_EQ(ParseTimeSpan("1min 30s")->count(), 90'000'000);
  EXPECT_EQ(ParseTimeSpan("1.5")->count(), 1'500'000);
  EXPECT_EQ(ParseTimeSpan("200ms")->count(), 200'000);
  EXPECT_EQ(*ParseTimeSpan("infinity"), kForever);
  EXPECT_FALSE(ParseTimeSpan("5 parsecs"));
  EXPECT_FALSE(ParseTimeSpan("99999999999999999999"));
  EXPECT_EQ(ParseLimit("1K:2K")->hard, 2048U);
  EXPECT_FALSE(ParseLimit("2:1"));
  EXPECT_EQ(ParseSignal("SIGRTMIN+4"), 38);
  EXPECT_EQ(ParseSignal("TERM"), 15);
  EXPECT_EQ(ParseCapability("cap_sys_time"), 25);
  EXPECT_EQ(ParseCapability("CAP_CHECKPOINT_RESTORE"), 40);
  EXPECT_FALSE(ParseCapability("CAP_NONE"));
}

TEST(CommandLine, PrefixesQuotesAndSeveral) {
  const auto commands = ParseCommandLine("-@/bin/sh me 'a b' \"c\\n\" ; !true \\; x", "u.service");
  ASSERT_TRUE(commands);
  ASSERT_EQ(commands->size(), 2U);
  EXPECT_EQ((*commands)[0].flags, kIgnoreFailure | kOwnArgv0);
  EXPECT_EQ((*commands)[0].argv, (std::vector<std::string>{"me", "a b", "c\n"}));
  EXPECT_EQ((*commands)[1].flags, kKeepCredentials);
  EXPECT_EQ((*commands)[1].argv, (std::vector<std::string>{"true", ";", "x"}));
  // As systemd-networkd has it: its User= applies where there are ambient capabilities.
  const auto ambient = ParseCommandLine("!!/bin/x", "u.service");
  ASSERT_TRUE(ambient) << ambient.error().ToString();
  EXPECT_EQ(ambient->front().flags, 0);
  EXPECT_EQ(ambient->front().program, "/bin/x");
  EXPECT_FALSE(ParseCommandLine("/bin/x \"open", "u.service"));
  EXPECT_FALSE(ParseCommandLine("./x", "u.service"));
  EXPECT_FALSE(ParseCommandLine("-", "u.service"));
}

TEST(CommandLine, ExpandsVariables) {
  const Environment environment{"A=x  'y z'", "E="};
  const auto command = ParseCommandLine("/bin/p $A ${A} a${A}b $E $$ $NONE n$A", "u.service");
  EXPECT_EQ(ExpandArguments(command->front(), environment),
            (std::vector<std::string>{"/bin/p", "x", "y z", "x  'y z'", "ax  'y z'b", "$", "n$A"}));
  const auto literal = ParseCommandLine(":/bin/p $A", "u.service");
  EXPECT_EQ(ExpandArguments(literal->front(), environment)[1], "$A");
}

TEST(EnvironmentFile, QuotesCommentsContinuations) {
  const auto found = ParseEnvironmentFile(
      "# c\nA=\"-F 1\"\nB = two words  \n;x=1\nC='a\\b'\nD=1\\\n2\nbad-name=1\nnot one\nA=last\n");
  EXPECT_EQ(found, (Environment{"A=last", "B=two words", "C=a\\b", "D=12"}));
}

TEST(KernelCommandLine, WordsAndConditions) {
  const auto line = KernelCommandLine::Parse("quiet a=1 a=2 b=\"x y\" inro.overlay=0 -- init");
  EXPECT_TRUE(line.Has("quiet"));
  EXPECT_FALSE(line.Has("init"));
  EXPECT_EQ(line.Last("a"), "2");
  EXPECT_EQ(line.Last("b"), "x y");
  EXPECT_FALSE(line.Flag("inro.overlay", true));
  EXPECT_TRUE(line.Flag("absent", true));
  EXPECT_TRUE(line.Matches("a"));
  EXPECT_TRUE(line.Matches("a=1"));
  EXPECT_FALSE(line.Matches("a=3"));
}

}  // namespace
}  // namespace inro::unit
