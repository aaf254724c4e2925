#include "image/definition/definition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "image/definition/checks.h"
#include "image/definition/reference.h"
#include "image/definition/settings.h"
#include "sys/file.h"

namespace inro::image {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kSource[] =
    "[source]\nkind = \"apt\"\nsuite = \"bookworm\"\npackages = [\"dash\"]\n";

Result<Definition> Parse(std::string text) {
  return ParseDefinition(text, "image.toml", INRO_SOURCE_DIR "/images/hello");
}

TEST(Definition, DefaultsComeFromTheRows) {
  const auto d = Parse(kSource);
  ASSERT_TRUE(d) << d.error().ToString();
  EXPECT_EQ(d->name, "hello");
  EXPECT_EQ(d->hostname, "hello");
  EXPECT_EQ(d->source.kind, SourceKind::kApt);
  EXPECT_THAT(d->source.components, ElementsAre("main"));
  EXPECT_EQ(d->kernel.package, "linux-image-cloud-amd64");
  EXPECT_EQ(d->image.init, "systemd");
  EXPECT_EQ(d->initrd.init, "inro");
  EXPECT_EQ(d->initrd.layout, InitrdLayout::kNested);
  EXPECT_EQ(d->image.align, 2u << 20);
  EXPECT_TRUE(d->overlay);
  EXPECT_FALSE(d->debug.has_value());
  EXPECT_FALSE(d->control_exec.has_value());
}

TEST(Definition, ReadsEverySettingOfTheExamples) {
  for (const char* name : {"debian", "hello", "trixie"}) {
    const auto d = LoadDefinition(std::string(INRO_SOURCE_DIR "/images/") + name);
    ASSERT_TRUE(d) << d.error().ToString();
    EXPECT_EQ(d->name, name);
  }
  const auto d = LoadDefinition(INRO_SOURCE_DIR "/images/hello/image.toml");
  EXPECT_EQ(d->initrd.layout, InitrdLayout::kFlat);
  EXPECT_EQ(d->initrd.compression, InitrdCompression::kZstd);
  EXPECT_EQ(d->image.free, 16u << 20);
  ASSERT_EQ(d->files.size(), 2u);
  EXPECT_EQ(d->files[0].mode, 0755u);
  EXPECT_TRUE(d->files[0].mode_given);
  EXPECT_TRUE(d->files[0].source.ends_with("/images/hello/hello.sh"));
  EXPECT_EQ(d->files[1].content, "This guest greets.\n");
  EXPECT_EQ(d->files[1].mode, 0644u);
  ASSERT_EQ(d->users.size(), 1u);
  EXPECT_EQ(d->users[0].shell, "/usr/sbin/nologin");
  EXPECT_THAT(d->services.units, ElementsAre(HasSubstr("/hello/units/hello.service")));
}

TEST(Definition, RemembersWhereEachPackageStands) {
  const auto d =
      Parse("[source]\nkind = \"apt\"\nsuite = \"trixie\"\npackages = [\n\"dash\",\n\"kmod\"]\n");
  ASSERT_TRUE(d) << d.error().ToString();
  EXPECT_EQ(d->LineOf("source.suite"), 3);
  EXPECT_EQ(d->LineOfElement("source.packages", d->source.packages, "kmod"), 6);
  EXPECT_EQ(d->LineOfElement("source.packages", d->source.packages, "absent"), 4);
}

// A bad definition and the whole message for it. `text` is appended to a good [source] table
// (4 lines) unless it starts with '!'.
struct Bad {
  const char* text;
  const char* message;
};

constexpr Bad kBad[] = {
    {"!", "image.toml: 'source.kind' is missing: add kind = \"apt\" below [source]"},
    {"![source]\nkind = \"apt\"\n",
     "image.toml:1: 'source.suite' is missing: add suite = \"bookworm\" below [source]"},
    {"![source]\nkind = \"apt\"\nsuite = \"bookworm\"\n",
     "image.toml:1: no packages: add packages = [\"chrony\"] or others below [source]"},
    {"![source]\nkind = \"rpm\"\n",
     "image.toml:2: source.kind: 'rpm' is none of \"apt\", \"mmdebstrap\", \"tar\", "
     "\"directory\" or \"oci\""},
    {"![source]\nkind = 3\n",
     "image.toml:2: source.kind is a number, but must be a value of kind 'one word of a list': "
     "write "
     "kind = \"apt\""},
    {"!source = \"apt\"\n", "image.toml:1: source is a text, but must be a table: write [source]"},
    {"!paket = 1\n",
     "image.toml:1: unknown key 'paket': known here are name, hostname, overlay, prune, debug, "
     "kernel_parameters, source, kernel, image, initrd, agent, services, control, files, users, "
     "extensions"},
    {"pakages = [\"kmod\"]\n",
     "image.toml:5: unknown key 'source.pakages': did you mean 'source.packages'?"},
    {"[sourc]\n", "image.toml:5: unknown key 'sourc': did you mean 'source'?"},
    {"layout = \"flat\"\n",
     "image.toml:5: unknown key 'source.layout': did you mean 'initrd.layout'?"},
    {"mirror = \"debian.org\"\n",
     "image.toml:5: source.mirror: 'debian.org' is no address of a mirror such as "
     "\"http://deb.debian.org/debian\""},
    {"exclude = \"tzdata\"\n",
     "image.toml:5: source.exclude is a text, but must be a value of kind 'list of texts': write "
     "exclude = [\"tzdata\"]"},
    {"exclude = [\n\"tzdata\",\n\"Tz data\"]\n",
     "image.toml:7: source.exclude: 'Tz data' is not the name of a package such as \"chrony\""},
    {"exclude = [\"dash\", \"dash\"]\n",
     "image.toml:5: source.exclude: 'dash' stands there twice: remove one"},
    {"path = \"hello.sh\"\n",
     "image.toml:5: source.path is for kind = \"tar\", \"directory\" or \"oci\", not \"apt\": "
     "remove it"},
    {"tag = \"latest\"\n",
     "image.toml:5: source.tag is for kind = \"oci\", not \"apt\": remove it"},
    {"tag = \"a b\"\n",
     "image.toml:5: source.tag: 'a b' is not the name of an image such as \"latest\" or "
     "\"docker.io/library/debian:12\""},
    {"![source]\nkind = \"oci\"\nsuite = \"bookworm\"\n",
     "image.toml:2: kind = \"oci\" needs a path: add path = \"...\" below [source]"},
    {"suite = \"trixie\"\n", "image.toml:5: not TOML: "},
    {"[image]\ninit = \"busybox\"\n",
     "image.toml:6: image.init: 'busybox' is no init: use \"systemd\", \"inro\", or an absolute "
     "path "
     "in the guest such as \"/sbin/init\""},
    {"[image]\nsize = \"12 apples\"\n",
     "image.toml:6: image.size: '12 apples' is no size: write a number with K, M, G or T, such as "
     "\"256M\""},
    {"[image]\nsize = \"1M\"\n",
     "image.toml:6: a disk of 1048576 bytes is impossible: from 8M to 1T"},
    {"[image]\nsize = -5\n", "image.toml:6: image.size: a size cannot be negative"},
    {"[image]\nsize = 16777217\n",
     "image.toml:6: image.size = 16777217 is no multiple of image.align = 2097152: the next one is "
     "18874368"},
    {"[image]\nalign = \"3M\"\n",
     "image.toml:6: image.align must be a power of two from 2M to 1G, such as \"2M\""},
    {"[image]\nformat = \"xfs\"\n",
     "image.toml:6: image.format: 'xfs' is none of \"ext4\" or \"erofs\""},
    {"[initrd]\ncompression = \"zstd\"\n",
     "image.toml:6: the body of a nested initrd is compressed by EROFS already: remove "
     "compression, "
     "or use layout = \"flat\""},
    {"[kernel]\nfile = \"no/such\"\n",
     "image.toml:6: kernel.file: there is no 'no/such': paths start at the definition's "
     "folder"},
    {"[kernel]\nconfig = \"hello.sh\"\n",
     "image.toml:6: kernel.config describes a kernel of your own: add file = \"...\" below "
     "[kernel], "
     "or remove it"},
    {"[agent]\nkind = \"binary\"\n",
     "image.toml:6: kind = \"binary\" needs an agent: add binary = \"...\" below [agent]"},
    {"[services]\nenable = [\"chrony\"]\n",
     "image.toml:6: services.enable: 'chrony' is not the name of a unit such as "
     "\"chrony.service\""},
    {"[services]\nenable = [\"a.service\"]\nmask = [\"a.service\"]\n",
     "image.toml:7: 'a.service' is both enabled and masked: remove it from one of both lists"},
    {"[[files]]\npath = \"/etc/motd\"\n",
     "image.toml:5: the file /etc/motd needs one of source and content: add one"},
    {"[[files]]\ncontent = \"x\"\n",
     "image.toml:5: 'files.path' is missing: add path = \"/etc/motd\""},
    {"[[files]]\npath = \"/etc/../motd\"\ncontent = \"\"\n",
     "image.toml:6: files.path: '/etc/../motd' is not an absolute path in the guest such as "
     "\"/etc/motd\""},
    {"[[files]]\npath = \"/a\"\ncontent = \"\"\nmode = \"999\"\n",
     "image.toml:8: files.mode is a text, but must be a value of kind 'octal mode': write mode = "
     "\"0755\""},
    {"[files]\npath = \"/a\"\n",
     "image.toml:5: files is a table, but must be tables: write [[files]]"},
    {"[[users]]\nname = \"a\"\nuid = -1\n",
     "image.toml:7: users.uid: -1 is not between 0 and 4294967293"},
    {"[[users]]\nname = \"a\"\nuid = 7\n[[users]]\nname = \"b\"\nuid = 7\n",
     "image.toml:8: the number 7 is that of the user 'a' already: choose another"},
    {"[[users]]\nname = \"a\"\nshel = \"/bin/sh\"\n",
     "image.toml:7: unknown key 'users.shel': did you mean 'users.shell'?"},
};

TEST(Definition, EachBadOneGetsOneErrorThatHelps) {
  for (const Bad& bad : kBad) {
    const std::string text = bad.text[0] == '!' ? bad.text + 1 : std::string(kSource) + bad.text;
    const auto d = Parse(text);
    ASSERT_FALSE(d) << text;
    EXPECT_EQ(d.error().kind(), ErrorKind::kBadInput) << text;
    EXPECT_EQ(ExitCode(d.error()), 2);
    const std::string message = d.error().ToString();
    if (std::string_view(bad.message).ends_with("TOML: ")) {
      EXPECT_THAT(message, ::testing::StartsWith(bad.message));
    } else {
      EXPECT_EQ(message, bad.message);
    }
  }
}

TEST(Definition, AFolderWithoutOneSaysSo) {
  const auto d = LoadDefinition(INRO_SOURCE_DIR "/images");
  ASSERT_FALSE(d);
  EXPECT_EQ(d.error().ToString(), INRO_SOURCE_DIR
            "/images: the folder has no image.toml: add one, or name another folder");
  EXPECT_EQ(LoadDefinition("/no/such").error().ToString(),
            "/no/such: no such definition: name an image.toml, or a folder that has one");
}

TEST(Definition, SizesAndModes) {
  EXPECT_EQ(ParseSize("4096"), 4096u);
  EXPECT_EQ(ParseSize("64M"), 64u << 20);
  EXPECT_EQ(ParseSize("1GiB"), 1u << 30);
  EXPECT_EQ(ParseSize("16777216T"), std::nullopt);  // 2^64
  EXPECT_EQ(ParseSize("M"), std::nullopt);
  EXPECT_EQ(ParseSize("1MB"), std::nullopt);
  EXPECT_EQ(ParseMode("0755"), 0755u);
  EXPECT_EQ(ParseMode("4755"), 04755u);
  EXPECT_EQ(ParseMode("888"), std::nullopt);
  EXPECT_EQ(ParseMode("17777"), std::nullopt);
}

// The examples that the reference shows are accepted by the parser (paths need their files).
TEST(Definition, AcceptsTheExamplesOfItsRows) {
  for (const auto& row : DefinitionSettings()) {
    if (row.kind == ValueKind::kPath || row.kind == ValueKind::kPaths) continue;
    std::string text = fmt::format("{} = {}\n", row.key, row.example);
    if (!row.key.starts_with("source.")) text += "source.kind = \"apt\"\n";
    for (const char* rest : {"source.kind = \"apt\"\n", "source.suite = \"bookworm\"\n",
                             "source.packages = [\"dash\"]\n"}) {
      const std::string_view key =
          std::string_view(rest).substr(0, std::string_view(rest).find(' '));
      if (!text.contains(std::string(key) + " =")) text += rest;
    }
    if (row.key == "kernel.builtin") text += "kernel.file = \"hello.sh\"\n";
    if (row.key == "initrd.compression") text += "initrd.layout = \"flat\"\n";
    if (row.key == "source.tag") {
      text = "source.kind = \"oci\"\nsource.suite = \"bookworm\"\nsource.path = \"hello.sh\"\n" +
             fmt::format("source.tag = {}\n", row.example);
    }
    if (row.key == "agent.kind") text += "agent.binary = \"hello.sh\"\n";
    const auto d = Parse(text);
    EXPECT_TRUE(d) << text << d.error().ToString();
  }
}

TEST(Definition, ExtensionsHaveAFolderAndANameOfTheirOwn) {
  const std::string one = "[[extensions]]\nname = \"tools\"\nsource = \"hello.sh\"\n";
  const auto d = Parse(kSource + one);
  ASSERT_TRUE(d) << d.error().ToString();
  ASSERT_EQ(d->extensions.size(), 1u);
  EXPECT_EQ(d->extensions[0].name, "tools");
  EXPECT_TRUE(d->extensions[0].source.ends_with("/images/hello/hello.sh"));
  EXPECT_TRUE(d->extensions[0].verity);
  const auto twice = Parse(kSource + one + one);
  ASSERT_FALSE(twice);
  EXPECT_NE(twice.error().ToString().find("is declared in line"), std::string::npos);
  const auto named = Parse(kSource + std::string("[[extensions]]\nname = \"elevenchars\"\n"));
  ASSERT_FALSE(named);
  EXPECT_NE(named.error().ToString().find("cannot name an extension"), std::string::npos);
}

TEST(Definition, TheReferenceIsInStepWithTheSettings) {
  const auto text = sys::ReadFile(INRO_SOURCE_DIR "/docs/definition.md");
  ASSERT_TRUE(text) << text.error().ToString();
  EXPECT_EQ(*text, DefinitionMarkdown())
      << "run: inro definition --format markdown > docs/definition.md";
}

}  // namespace
}  // namespace inro::image
