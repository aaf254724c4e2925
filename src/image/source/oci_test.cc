#include "image/source/oci.h"

#include <gmock/gmock.h>

#include "image/source/sample_oci.h"

namespace inro::image {
namespace {

using ::testing::HasSubstr;

constexpr const char* kStatus =
    "Package: bash\nStatus: install ok installed\nVersion: 5\nArchitecture: amd64\n";

// A layout below a folder of its own, imported.
class Oci : public ::testing::Test {
 protected:
  Result<SourceTree> Import(const std::string& tag = "",
                            const std::string& architecture = "amd64") {
    if (auto written = layout_.WriteFolder(path_); !written) {
      return std::unexpected(written.error());
    }
    return ImportOci({path_, tag, architecture}, silent_);
  }
  // Imports an image of these layers and gives its tree.
  Result<SourceTree> ImportLayers(const std::vector<std::vector<sample::Entry>>& layers) {
    std::vector<nlohmann::json> descriptors;
    for (const auto& layer : layers) descriptors.push_back(layout_.Layer(layer));
    layout_.entries.push_back(layout_.Image(descriptors));
    return Import();
  }
  void ExpectBad(const Result<SourceTree>& result, const std::string& words) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind(), ErrorKind::kBadInput);
    EXPECT_THAT(result.error().ToString(), HasSubstr(words));
    EXPECT_THAT(result.error().ToString(), HasSubstr(path_));
  }

  const sys::TempDir folder_ = *sys::TempDir::Create("oci");
  const std::string path_ = folder_.path() + "/layout";
  sample::OciLayout layout_;
  SilentProgress silent_;
};

nlohmann::json For(nlohmann::json entry, const std::string& architecture,
                   const std::string& name = "") {
  if (!architecture.empty()) {
    entry["platform"] = {{"os", "linux"}, {"architecture", architecture}};
  }
  if (!name.empty()) entry["annotations"] = {{"org.opencontainers.image.ref.name", name}};
  return entry;
}

TEST_F(Oci, KeepsWhatTheLayersHave) {
  sample::Entry tool = sample::File("usr/bin/tool", "tool", 04755);
  tool.uid = 7;
  tool.xattrs["security.capability"] = std::string("\1\0\2", 3);
  sample::Entry device{.path = "dev/null", .type = AE_IFCHR, .mode = 0666, .major = 1, .minor = 3};
  layout_.entries.push_back(layout_.Image(
      {layout_.Layer(
           {sample::Folder("./", 0750), tool, device, sample::File("var/lib/dpkg/status", kStatus)},
           "gzip"),
       layout_.Layer(
           {sample::HardLink("usr/bin/twin", "usr/bin/tool"), sample::Symlink("bin", "usr/bin")},
           "zstd")}));
  const auto source = Import();
  ASSERT_TRUE(source) << source.error().ToString();
  const Tree& tree = source->tree;
  EXPECT_EQ(tree.Find("")->mode, 0750u);
  EXPECT_EQ(tree.Find("usr/bin/tool")->mode, 04755u);
  EXPECT_EQ(tree.Find("usr/bin/tool")->uid, 7u);
  EXPECT_EQ(tree.Find("usr/bin/tool")->xattrs.at("security.capability"), std::string("\1\0\2", 3));
  EXPECT_EQ(tree.Find("dev/null")->type, NodeType::kCharDevice);
  EXPECT_EQ(tree.Find("dev/null")->minor, 3u);
  EXPECT_EQ(tree.Find("bin")->target, "usr/bin");
  EXPECT_EQ(tree.Find("usr/bin/tool")->origin, "oci");
  // A hard link to a file of the layer below shares its bytes.
  EXPECT_EQ(tree.Find("usr/bin/twin")->content.view().data(),
            tree.Find("usr/bin/tool")->content.view().data());
  ASSERT_EQ(source->packages.size(), 1u);
  EXPECT_EQ(source->packages[0].name, "bash");
}

TEST_F(Oci, AnotherDistributionHasNoPackages) {
  const auto source = ImportLayers({{sample::File("etc/alpine-release", "3\n")}});
  ASSERT_TRUE(source) << source.error().ToString();
  EXPECT_TRUE(source->packages.empty());
}

TEST_F(Oci, WhiteoutsHideTheLayersBelowOnly) {
  const auto source = ImportLayers(
      {{sample::File("a/gone", "1"), sample::File("a/stays", "1"), sample::File("b/1", "1"),
        sample::File("b/deep/2", "1"), sample::File("c/x", "1"), sample::File("again", "old"),
        sample::File("opt/old", "1")},
       // In an order in which what is new comes before what hides the old.
       {sample::File("b/new", "2"), sample::File("b/.wh..wh..opq", ""),
        sample::File("a/.wh.gone", ""), sample::File("a/.wh.never", ""), sample::File(".wh.c", ""),
        sample::File("again", "new"), sample::File(".wh.again", ""),
        sample::File(".wh..wh.plnk/1", ""), sample::File(".wh..wh.aufs", "")}});
  ASSERT_TRUE(source) << source.error().ToString();
  const Tree& tree = source->tree;
  EXPECT_FALSE(tree.Contains("a/gone"));
  EXPECT_TRUE(tree.Contains("a/stays"));
  EXPECT_FALSE(tree.Contains("b/1"));
  EXPECT_FALSE(tree.Contains("b/deep"));
  EXPECT_TRUE(tree.Contains("b/new"));
  EXPECT_FALSE(tree.Contains("c"));
  EXPECT_TRUE(tree.Contains("opt/old"));
  EXPECT_EQ(*tree.ReadFile("again"), "new");
  for (const auto& [path, node] : tree.nodes()) EXPECT_THAT(path, Not(HasSubstr(".wh.")));
}

TEST_F(Oci, LaterLayersReplaceAndFoldersMerge) {
  const auto source = ImportLayers(
      {{sample::Folder("d", 0755), sample::File("d/kept", "1"), sample::File("file", "1"),
        sample::Folder("folder"), sample::File("folder/in", "1"), sample::Symlink("link", "d"),
        sample::Folder("usr/lib"), sample::Symlink("lib", "usr/lib")},
       {sample::Folder("d", 0700), sample::Folder("file"), sample::File("file/now", "2"),
        sample::File("folder", "2"), sample::File("link", "2"), sample::File("lib/so", "2")}});
  ASSERT_TRUE(source) << source.error().ToString();
  const Tree& tree = source->tree;
  EXPECT_EQ(tree.Find("d")->mode, 0700u);
  EXPECT_TRUE(tree.Contains("d/kept"));
  EXPECT_TRUE(tree.Contains("file/now"));
  EXPECT_EQ(*tree.ReadFile("folder"), "2");
  EXPECT_EQ(tree.Find("link")->type, NodeType::kFile);
  EXPECT_EQ(tree.Find("lib")->type, NodeType::kSymlink);
  EXPECT_EQ(*tree.ReadFile("usr/lib/so"), "2");
}

TEST_F(Oci, NothingLeavesTheTree) {
  const auto source = ImportLayers({{sample::Symlink("out", "../../../etc"), sample::Folder("etc")},
                                    {sample::File("out/passwd", "root")}});
  ASSERT_TRUE(source) << source.error().ToString();
  EXPECT_EQ(*source->tree.ReadFile("etc/passwd"), "root");
  layout_ = {};
  ExpectBad(ImportLayers({{sample::File("../evil", "x")}}), "refused path ../evil");
  layout_ = {};
  ExpectBad(ImportLayers({{sample::HardLink("a", "../../etc/shadow")}}), "refused hard link");
  layout_ = {};
  ExpectBad(ImportLayers({{sample::HardLink("a", "absent")}}), "which is not there");
  layout_ = {};
  ExpectBad(ImportLayers({{sample::File("a/.wh...", "")}}), "whiteout of no name");
}

TEST_F(Oci, AnArchiveIsTheSameAsAFolder) {
  layout_.entries.push_back(layout_.Image({layout_.Layer({sample::File("a", "1")})}));
  const auto from_folder = Import();
  ASSERT_TRUE(from_folder) << from_folder.error().ToString();
  for (const char* filter : {"none", "gzip"}) {
    const std::string file = folder_.path() + "/image.tar";
    ASSERT_TRUE(sys::WriteFile(file, layout_.Archive(filter)));
    const auto from_archive = ImportOci({file, "", "amd64"}, silent_);
    ASSERT_TRUE(from_archive) << from_archive.error().ToString();
    EXPECT_EQ(from_archive->tree.Digest(), from_folder->tree.Digest());
  }
}

TEST_F(Oci, ThePlatformChooses) {
  nlohmann::json inner = nlohmann::json::array();
  for (const std::string architecture : {"arm64", "amd64"}) {
    inner.push_back(
        For(layout_.Image({layout_.Layer({sample::File("is", architecture)})}, architecture),
            architecture));
  }
  inner.push_back(For(layout_.Image({}, "unknown"), "unknown"));
  const nlohmann::json index{{"schemaVersion", 2}, {"manifests", inner}};
  layout_.entries.push_back(layout_.Blob(index.dump(), sample::kOciIndex));
  for (const std::string architecture : {"arm64", "amd64"}) {
    const auto source = Import("", architecture);
    ASSERT_TRUE(source) << source.error().ToString();
    EXPECT_EQ(*source->tree.ReadFile("is"), architecture);
  }
  ExpectBad(Import("", "riscv64"), "no image for linux/riscv64; there are \"linux/amd64\", ");
}

TEST_F(Oci, TheConfigurationHasToFitWhereTheIndexSaysNothing) {
  layout_.entries.push_back(layout_.Image({layout_.Layer({sample::File("a", "1")})}, "arm64"));
  ExpectBad(Import(), "the image is for linux/arm64, not for linux/amd64");
}

TEST_F(Oci, TheTagChooses) {
  for (const std::string name : {"docker.io/library/one:12", "two"}) {
    layout_.entries.push_back(
        For(layout_.Image({layout_.Layer({sample::File("is", name)})}), "", name));
  }
  EXPECT_EQ(*Import("two")->tree.ReadFile("is"), "two");
  EXPECT_EQ(*Import("12")->tree.ReadFile("is"), "docker.io/library/one:12");
  EXPECT_TRUE(Import("docker.io/library/one:12"));
  ExpectBad(Import(), "set source.tag to one of \"docker.io/library/one:12\", \"two\"");
  ExpectBad(Import("three"), "no image has the tag \"three\"; there are");
}

TEST_F(Oci, DockersMediaTypesAreRead) {
  const auto layer = layout_.Blob(sample::Tar({sample::File("a", "1")}, "gzip"),
                                  "application/vnd.docker.image.rootfs.diff.tar.gzip");
  const auto config = layout_.Blob(R"({"os":"linux","architecture":"amd64"})",
                                   "application/vnd.docker.container.image.v1+json");
  const nlohmann::json manifest{{"schemaVersion", 2}, {"config", config}, {"layers", {layer}}};
  layout_.entries.push_back(
      layout_.Blob(manifest.dump(), "application/vnd.docker.distribution.manifest.v2+json"));
  const auto source = Import();
  ASSERT_TRUE(source) << source.error().ToString();
  EXPECT_TRUE(source->tree.Contains("a"));
}

TEST_F(Oci, BlobsAreChecked) {
  const auto layer = layout_.Layer({sample::File("a", "1")});
  layout_.entries.push_back(layout_.Image({layer}));
  const std::string blob = "blobs/sha256/" + layer["digest"].get<std::string>().substr(7);
  const std::string good = layout_.files[blob];
  layout_.files[blob][0] ^= 1;
  ExpectBad(Import(), "the digest is wrong");
  layout_.files[blob] = good + "x";
  ExpectBad(Import(), fmt::format("{} bytes, where {} are declared", good.size() + 1, good.size()));
  layout_.files.erase(blob);
  ASSERT_TRUE(sys::RemoveAll(path_));
  ExpectBad(Import(), "the blob is missing");
  layout_.files[blob] = good;
  EXPECT_TRUE(Import());
}

TEST_F(Oci, ALayerThatIsNoTarIsNamed) {
  const auto layer = layout_.Blob("this is no tar", sample::kOciLayer);
  layout_.entries.push_back(layout_.Image({layer}));
  ExpectBad(Import(), layer["digest"].get<std::string>());
  layout_.entries = {layout_.Image({layout_.Blob("x", "application/vnd.in-toto+json")})};
  ExpectBad(Import(), "a layer of media type 'application/vnd.in-toto+json'");
}

TEST_F(Oci, WhatIsNoLayoutSaysSo) {
  ExpectBad(ImportOci({path_, "", "amd64"}, silent_), "there is no ");
  ASSERT_TRUE(sys::MakeDirectories(path_));
  ExpectBad(ImportOci({path_, "", "amd64"}, silent_), "it has no oci-layout");
  ASSERT_TRUE(sys::WriteFile(path_ + "/manifest.json", "[]"));
  ExpectBad(ImportOci({path_, "", "amd64"}, silent_), "older docker save");
  layout_.files["oci-layout"] = R"({"imageLayoutVersion":"2.0.0"})";
  ExpectBad(Import(), "imageLayoutVersion '2.0.0'");
  layout_ = {};
  ExpectBad(Import(), "there is no image in it");
  ASSERT_TRUE(sys::RemoveAll(path_));
  ASSERT_TRUE(sys::WriteFile(path_, "neither"));
  ExpectBad(ImportOci({path_, "", "amd64"}, silent_), "");
}

}  // namespace
}  // namespace inro::image
