// The house rules of ARCHITECTURE.md, held by tests: include arrows, file sizes, names, formats,
// seed corpora, links in the documentation, and the top of the CHANGELOG.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

struct Source {
  std::string path;  // relative to the source folder
  std::string text;
};

std::string ReadText(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

// Files below the top folders of the project; build folders are not among them.
std::vector<Source> Files(const std::set<std::string>& extensions) {
  std::vector<Source> files;
  const fs::path root = INRO_SOURCE_DIR;
  const auto add = [&](const fs::path& path) {
    if (extensions.contains(path.extension().string())) {
      files.push_back({fs::relative(path, root).string(), ReadText(path)});
    }
  };
  for (const char* top : {"src", "apps", "tests", "proto", "images", "docs", "cmake"}) {
    if (!fs::exists(root / top)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root / top)) {
      if (entry.is_regular_file()) add(entry.path());
    }
  }
  for (const auto& entry : fs::directory_iterator(root)) {
    if (entry.is_regular_file()) add(entry.path());
  }
  std::ranges::sort(files, {}, &Source::path);
  return files;
}

std::vector<Source> CxxFiles() { return Files({".h", ".cc"}); }

// One row per module: the folders whose headers its files may include, besides its own. Folders
// are below src/; "guest/agent" is a role: no role includes another.
const std::map<std::string, std::vector<std::string>>& Arrows() {
  static const std::map<std::string, std::vector<std::string>> arrows = {
      {"base", {}},
      {"sys", {"base"}},
      {"sys/fake", {"base", "sys"}},
      {"wire", {"base", "sys"}},
      {"protocol", {"base", "sys", "wire"}},
      {"unit", {"base", "sys", "sys/fake", "wire"}},
      {"guest/sandbox", {"base", "sys", "sys/fake", "unit"}},
      {"guest/init", {"base", "sys", "sys/fake", "wire", "protocol", "unit", "guest/sandbox"}},
      {"guest/agent", {"base", "sys", "sys/fake", "wire", "protocol", "unit"}},
      {"guest/control", {"base", "sys", "sys/fake", "wire", "protocol", "unit"}},
      {"guest/logs", {"base", "sys", "sys/fake", "wire", "protocol", "unit"}},
      {"guest/console", {"base", "sys", "sys/fake", "wire", "protocol", "unit"}},
      {"guest/clock", {"base", "sys", "sys/fake", "wire", "protocol", "unit"}},
      {"guest/trace", {"base", "sys", "sys/fake", "wire", "protocol", "unit"}},
      {"guest/generate", {"base", "sys", "sys/fake", "wire", "protocol", "unit"}},
      {"guest/extension", {"base", "sys", "sys/fake", "wire", "protocol", "unit"}},
      {"guest/systemctl", {"base", "sys", "sys/fake", "wire", "protocol", "unit"}},
      {"image/tree", {"base", "sys"}},
      {"image/elf", {"base"}},
      {"image/source", {"base", "sys", "image/tree"}},
      {"image/finish", {"base", "sys", "unit", "image/elf", "image/tree", "image/source"}},
      {"image/kernel", {"base", "sys", "image/elf", "image/tree", "image/source"}},
      {"image/write", {"base", "sys", "image/tree"}},
      {"image/definition", {"base", "sys", "unit", "protocol", "image/tree", "image/source"}},
      {"image/build",
       {"base", "sys", "unit", "protocol", "image/tree", "image/source", "image/finish",
        "image/kernel", "image/write", "image/definition", "image/extension"}},
      {"image/extension", {"base", "sys", "protocol", "image/tree", "image/write"}},
      {"vmm/vsock", {"base", "sys", "wire"}},
      {"vmm/time", {"base", "sys", "wire", "protocol"}},
      {"vmm/guest", {"base", "sys", "wire", "protocol", "vmm/vsock", "vmm/time"}},
      {"vmm/kata", {"base", "sys", "wire", "protocol", "vmm/guest"}},
      {"vmm/host", {"base", "sys", "wire", "protocol", "vmm/guest", "vmm/time"}},
      {"vmm/control", {"base", "sys", "wire", "protocol", "vmm/host"}},
      {"compare",
       {"base", "sys", "wire", "protocol", "unit", "image/elf", "image/tree", "image/write",
        "image/definition", "image/build", "image/kernel", "image/extension", "vmm/guest",
        "vmm/kata", "vmm/host", "vmm/control"}},
      {"report", {"base", "sys", "protocol", "compare"}},
  };
  return arrows;
}

std::string FolderOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

TEST(House, EveryModuleHasARow) {
  for (const Source& file : CxxFiles()) {
    if (!file.path.starts_with("src/")) continue;
    const std::string module = FolderOf(file.path.substr(4));
    EXPECT_TRUE(Arrows().contains(module))
        << file.path << ": add src/" << module << " to the table of arrows in this test";
  }
}

TEST(House, ArrowsPointDown) {
  const std::regex include("#include \"([a-z_/]+)/[a-z0-9_.]+\"");
  for (const Source& file : CxxFiles()) {
    if (!file.path.starts_with("src/")) continue;
    const std::string module = FolderOf(file.path.substr(4));
    const auto row = Arrows().find(module);
    if (row == Arrows().end()) continue;
    for (std::sregex_iterator match(file.text.begin(), file.text.end(), include), end; match != end;
         ++match) {
      const std::string target = (*match)[1];
      // A test may drive a second role: systemctl is tested against a real PID 1.
      const bool other_role = file.path.ends_with("_test.cc") && target.starts_with("guest/");
      const bool allowed =
          target == module || other_role || std::ranges::count(row->second, target) > 0;
      EXPECT_TRUE(allowed) << file.path << " includes " << target << "/, which is not below src/"
                           << module;
    }
  }
}

TEST(House, NoFileIsOver600Lines) {
  for (const Source& file : CxxFiles()) {
    EXPECT_LE(std::ranges::count(file.text, '\n'), 600)
        << file.path << ": find the second topic and split";
  }
}

TEST(House, FilesAreNamedAfterTopics) {
  for (const Source& file : CxxFiles()) {
    const std::string stem = fs::path(file.path).stem();
    for (const char* banned : {"util", "utils", "helper", "helpers", "common", "misc", "manager"}) {
      EXPECT_NE(stem, banned) << file.path;
      EXPECT_FALSE(stem.ends_with(std::string("_") + banned)) << file.path;
    }
  }
}

TEST(House, HeadersHaveGuardsAndBanned) {
  for (const Source& file : CxxFiles()) {
    if (!file.path.ends_with(".h")) continue;
    EXPECT_NE(file.text.find("#pragma once"), std::string::npos) << file.path;
    EXPECT_EQ(file.text.find("using namespace"), std::string::npos) << file.path;
  }
}

TEST(House, GuestCodeKeepsAwayFromHeavyHeaders) {
  const std::regex banned("#include <(iostream|regex|filesystem|locale|sstream|fstream)>");
  for (const Source& file : CxxFiles()) {
    const bool guest = file.path.starts_with("src/guest/") || file.path.starts_with("src/unit/") ||
                       file.path.starts_with("src/wire/") ||
                       file.path.starts_with("apps/inro-guest");
    if (!guest || file.path.ends_with("_test.cc")) continue;
    EXPECT_FALSE(std::regex_search(file.text, banned)) << file.path;
  }
}

TEST(House, ProjectFilesSpeakOfTheProjectAlone) {
  // Spelled in pieces, so that this file does not find itself.
  const std::vector<std::string> banned = {
      std::string("/work") + "/main", std::string("/tmp") + "/b/", std::string("/tmp") + "/brief"};
  for (const Source& file :
       Files({".h", ".cc", ".md", ".txt", ".sh", ".toml", ".cmake", ".proto"})) {
    for (const std::string& word : banned) {
      EXPECT_EQ(file.text.find(word), std::string::npos) << file.path << " says " << word;
    }
  }
}

TEST(House, EveryFuzzTargetHasASeedCorpus) {
  for (const Source& file : CxxFiles()) {
    if (!file.path.ends_with("_fuzz.cc")) continue;
    const fs::path corpus =
        fs::path(INRO_SOURCE_DIR) / "tests/fuzz/corpus" / fs::path(file.path).stem();
    EXPECT_TRUE(fs::is_directory(corpus) && !fs::is_empty(corpus)) << corpus;
  }
}

TEST(House, LinksInTheDocumentationExist) {
  const std::regex link("\\]\\(([^)#: ]+)(#[^)]*)?\\)");
  for (const Source& file : Files({".md"})) {
    for (std::sregex_iterator match(file.text.begin(), file.text.end(), link), end; match != end;
         ++match) {
      const fs::path target =
          fs::path(INRO_SOURCE_DIR) / FolderOf(file.path) / std::string((*match)[1]);
      EXPECT_TRUE(fs::exists(target)) << file.path << " links to " << (*match)[1];
    }
  }
}

TEST(House, ChangelogStartsWithTheVersion) {
  const std::string changelog = ReadText(fs::path(INRO_SOURCE_DIR) / "CHANGELOG.md");
  const std::string heading = std::string("\n## ") + INRO_VERSION;
  EXPECT_EQ(changelog.find("\n## "), changelog.find(heading)) << "newest entry is not " << heading;
  EXPECT_NE(changelog.find(heading), std::string::npos);
}

TEST(House, SourcesAreFormatted) {
  if (std::system("command -v clang-format-22 >/dev/null") != 0) {
    if (std::getenv("CI") != nullptr) FAIL() << "clang-format-22 is missing";
    GTEST_SKIP() << "clang-format-22 is not installed";
  }
  std::string command =
      fmt::format("cd '{}' && clang-format-22 --dry-run -Werror", INRO_SOURCE_DIR);
  for (const Source& file : CxxFiles()) command += " " + file.path;
  EXPECT_EQ(std::system((command + " 2>&1").c_str()), 0) << "run `make format`";
}

}  // namespace
