#include "image/source/oci_document.h"

#include <gmock/gmock.h>

namespace inro::image {
namespace {

using ::testing::HasSubstr;

const std::string kDigest = "sha256:" + std::string(64, 'a');

TEST(OciDocument, ReadsAnIndex) {
  const auto index = ParseOciIndex(
      fmt::format(R"({{"schemaVersion":2,"manifests":[{{"mediaType":"m","digest":"{}","size":7,
        "platform":{{"os":"linux","architecture":"arm","variant":"v7","features":[1]}},
        "annotations":{{"org.opencontainers.image.ref.name":"r","io.containerd.image.name":"i",
        "other":"x"}},"more":1}}]}})",
                  kDigest),
      "index");
  ASSERT_TRUE(index) << index.error().ToString();
  EXPECT_EQ(*index, std::vector<OciDescriptor>({{.media_type = "m",
                                                 .digest = kDigest,
                                                 .size = 7,
                                                 .os = "linux",
                                                 .architecture = "arm",
                                                 .variant = "v7",
                                                 .ref_name = "r",
                                                 .image_name = "i"}}));
}

TEST(OciDocument, BadOnesSayWhatIsWrong) {
  const std::string good = fmt::format(R"("mediaType":"m","digest":"{}","size":1)", kDigest);
  const std::pair<std::string, const char*> cases[] = {
      {"", "not JSON"},
      {"[]", "not a JSON object"},
      {"{}", "schemaVersion is not 2"},
      {R"({"schemaVersion":1,"manifests":[]})", "schemaVersion is not 2"},
      {R"({"schemaVersion":2})", "manifests is not a list"},
      {R"({"schemaVersion":2,"manifests":[1]})", "a descriptor is not an object"},
      {R"({"schemaVersion":2,"manifests":[{"digest":"sha512:aa","size":1}]})", "not of sha256"},
      {R"({"schemaVersion":2,"manifests":[{"digest":"sha256:../../x","size":1}]})",
       "is not a digest"},
      {fmt::format(R"({{"schemaVersion":2,"manifests":[{{"digest":"{}","size":-1}}]}})", kDigest),
       "is not a number of bytes"},
      {fmt::format(R"({{"schemaVersion":2,"manifests":[{{{},"platform":[]}}]}})", good),
       "platform is not an object"},
      {fmt::format(R"({{"schemaVersion":2,"manifests":[{{{},"platform":{{"os":3}}}}]}})", good),
       "os is not a text"},
      {std::string(kOciDocumentLimit + 1, ' '), "bytes of JSON"},
  };
  for (const auto& [text, words] : cases) {
    const auto index = ParseOciIndex(text, "the-index");
    ASSERT_FALSE(index) << text;
    EXPECT_EQ(index.error().kind(), ErrorKind::kBadInput);
    EXPECT_THAT(index.error().ToString(), HasSubstr("the-index: "));
    EXPECT_THAT(index.error().ToString(), HasSubstr(words));
  }
  EXPECT_THAT(ParseOciManifest(R"({"schemaVersion":2,"layers":[]})", "m").error().ToString(),
              HasSubstr("config is missing"));
}

TEST(OciDocument, MediaTypesOfBothNamings) {
  EXPECT_EQ(OciMediaOf("application/vnd.oci.image.index.v1+json"), OciMedia::kIndex);
  EXPECT_EQ(OciMediaOf("application/vnd.docker.image.rootfs.diff.tar.gzip"), OciMedia::kLayer);
  EXPECT_EQ(OciMediaOf("application/vnd.oci.image.layer.v1.tar+gzip+encrypted"), OciMedia::kOther);
  EXPECT_EQ(OciMediaOf(""), OciMedia::kOther);
}

}  // namespace
}  // namespace inro::image
