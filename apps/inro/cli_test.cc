#include "cli.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "progress_line.h"
#include "sys/file.h"
#include "sys/subprocess.h"
#include "verbs.h"

namespace inro::cli {
namespace {

constexpr char kGolden[] = INRO_SOURCE_DIR "/tests/golden/help/";

// Every help text is a file under tests/golden/help, so that a change of it is seen in review.
TEST(Help, IsAsRecorded) {
  std::vector<std::string> verbs = {""};
  for (const VerbRow& row : Verbs()) verbs.emplace_back(row.name);
  for (const std::string& verb : verbs) {
    const std::string path = kGolden + (verb.empty() ? "inro" : verb) + ".txt";
    if (getenv("INRO_UPDATE_GOLDEN") != nullptr) {
      ASSERT_TRUE(sys::WriteFile(path, HelpText(verb)));
    }
    const auto recorded = sys::ReadFile(path);
    ASSERT_TRUE(recorded) << recorded.error().ToString();
    EXPECT_EQ(HelpText(verb), *recorded) << "run with INRO_UPDATE_GOLDEN=1 when this is meant";
  }
}

TEST(Help, EveryVerbHasASummary) {
  for (const VerbRow& row : Verbs()) {
    EXPECT_FALSE(row.summary.empty()) << row.name;
    EXPECT_NE(HelpText(std::string(row.name)).find("Exit codes"), std::string::npos) << row.name;
  }
}

// Bad usage: arguments and what stderr must hold. All end with 2, with an empty stdout.
struct BadUsage {
  std::vector<std::string> arguments;
  std::string message;
};

TEST(Usage, BadOnesEndWithTwoAndOneLine) {
  const BadUsage rows[] = {
      {{}, "inro: no verb was given; see `inro --help`\n"},
      {{"bild"}, "inro: there is no verb 'bild': did you mean 'build'?; see `inro --help`\n"},
      {{"version", "--format", "xml"},
       "inro: --format: 'xml' is none of text|json; see `inro version --help`\n"},
      {{"build", "/no/such"},
       "inro: /no/such: no such definition: name an image.toml, or a folder that has one\n"},
      {{"boot", "/no/such"},
       "inro: /no/such: no such file: name a definition, an artifact, a manifest or a "
       "configuration.toml\n"},
      {{"inspect", "/no/such"}, "inro: /no/such: no such file\n"},
  };
  for (const BadUsage& row : rows) {
    std::vector<std::string> argv = {INRO_BINARY_DIR "/inro"};
    argv.insert(argv.end(), row.arguments.begin(), row.arguments.end());
    if (!sys::Exists(argv[0])) GTEST_SKIP() << "the program is not built: " << argv[0];
    const auto run = sys::Run(argv);
    ASSERT_TRUE(run) << run.error().ToString();
    EXPECT_EQ(run->status, 2) << row.message;
    EXPECT_EQ(run->out, "");
    EXPECT_EQ(run->err, row.message);
  }
}

TEST(Progress, SaysHowFar) {
  EXPECT_EQ(ProgressAmount(0, 0, ""), "");
  EXPECT_EQ(ProgressAmount(1'500'000, 3'000'000, "B"), "1.5 of 3.0 MB");
  EXPECT_EQ(ProgressAmount(12, 96, "packages"), "12 of 96 packages");
  EXPECT_EQ(ProgressAmount(7, 0, "files"), "7 files");
}

TEST(Progress, WithoutATerminalAStepIsOneLine) {
  auto folder = sys::TempDir::Create("inro-progress-");
  ASSERT_TRUE(folder);
  const std::string path = folder->path() + "/log";
  {
    auto file = sys::Open(path, O_WRONLY | O_CREAT);
    ASSERT_TRUE(file);
    ProgressLine progress(file->get(), false);
    progress.Step("fetch");
    progress.Update(3, 3, "files");
    progress.Step("write");
    progress.Note("a note");
  }
  const auto text = sys::ReadFile(path);
  ASSERT_TRUE(text);
  EXPECT_EQ(*text, "fetch... 3 of 3 files, 0.0 s\nwrite...\na note\nwrite: 0.0 s\n");
}

}  // namespace
}  // namespace inro::cli
