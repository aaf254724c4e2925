#include "wire/ttrpc.h"

#include <gtest/gtest.h>

#include <limits>

#include "wire/protobuf.h"

namespace inro::wire {
namespace {

TEST(TtrpcFrame, TheHeaderIsBigEndian) {
  const std::string frame = EncodeFrame(FrameType::kRequest, 0x01020304, "abc");
  EXPECT_EQ(frame, std::string("\0\0\0\x03\x01\x02\x03\x04\x01\0abc", 13));
  const FrameHeader header = DecodeFrameHeader(frame);
  EXPECT_EQ(header.length, 3u);
  EXPECT_EQ(header.stream, 0x01020304u);
  EXPECT_EQ(header.type, 1);
}

// Cut at every place, the same frames come out.
TEST(TtrpcFrame, ReaderTakesAnyCut) {
  const std::string bytes = EncodeFrame(FrameType::kRequest, 1, "hello") +
                            EncodeFrame(FrameType::kResponse, 3, "") +
                            EncodeFrame(FrameType::kData, 5, "xyz");
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    FrameReader reader;
    std::string seen;
    for (std::string_view part :
         {std::string_view(bytes).substr(0, cut), std::string_view(bytes).substr(cut)}) {
      for (FrameReader::Frame frame; reader.Take(part, frame);) {
        seen += std::to_string(frame.header.stream) + frame.data + ";";
      }
      EXPECT_TRUE(part.empty());
    }
    EXPECT_EQ(seen, "1hello;3;5xyz;") << cut;
  }
}

TEST(TtrpcFrame, ExactlyTheLimitPassesAndOneMoreIsDropped) {
  std::string bytes = EncodeFrame(FrameType::kRequest, 1, std::string(kFrameDataLimit, 'a'));
  std::string over = EncodeFrame(FrameType::kRequest, 3, std::string(kFrameDataLimit + 1, 'b'));
  bytes += over + EncodeFrame(FrameType::kRequest, 5, "after");
  FrameReader reader;
  std::string_view rest = bytes;
  FrameReader::Frame frame;
  ASSERT_TRUE(reader.Take(rest, frame));
  EXPECT_EQ(frame.data.size(), kFrameDataLimit);
  ASSERT_TRUE(reader.Take(rest, frame));
  EXPECT_TRUE(frame.too_long);
  EXPECT_EQ(frame.header.stream, 3u);
  EXPECT_TRUE(frame.data.empty());
  ASSERT_TRUE(reader.Take(rest, frame));
  EXPECT_EQ(frame.data, "after");
  EXPECT_EQ(reader.held(), 0u);
}

TEST(TtrpcEnvelope, RequestsRoundTrip) {
  const Request request{.service = "grpc.Health",
                        .method = "Check",
                        .payload = std::string("\0x", 2),
                        .timeout_nano = 30'000'000'000,
                        .metadata = {{"containerd-namespace-ttrpc", "default"}, {"", "v"}}};
  Request back;
  ASSERT_TRUE(Decode(Encode(request), back));
  EXPECT_EQ(back.service, request.service);
  EXPECT_EQ(back.method, request.method);
  EXPECT_EQ(back.payload, request.payload);
  EXPECT_EQ(back.timeout_nano, request.timeout_nano);
  EXPECT_EQ(back.metadata, request.metadata);
}

// The bytes that containerd's client sends for Health/Check.
TEST(TtrpcEnvelope, ReadsWhatGoSends) {
  const std::string_view bytes(
      "\x0a\x0bgrpc.Health\x12\x05"
      "Check\x20\x80\xd8\x8e\xe1\x6f",
      26);
  Request request;
  ASSERT_TRUE(Decode(bytes, request));
  EXPECT_EQ(request.service, "grpc.Health");
  EXPECT_EQ(request.method, "Check");
  EXPECT_EQ(request.timeout_nano, 30'000'000'000);
}

TEST(TtrpcEnvelope, ResponsesRoundTrip) {
  Response back;
  ASSERT_TRUE(Decode(Encode(Response{.status = {Code::kInternal, ""}, .payload = {}}), back));
  EXPECT_EQ(back.status.code, Code::kInternal);
  EXPECT_EQ(Encode(Response{}), "");
  ASSERT_TRUE(Decode("", back));
  EXPECT_TRUE(back.status.ok());
}

TEST(TtrpcEnvelope, MalformedBytesAreSaidSo) {
  Request request;
  for (const std::string_view bytes :
       {std::string_view("\x0a\x05"
                         "ab",
                         4),
        std::string_view("\x0b", 1), std::string_view("\x00", 1),
        std::string_view("\x20\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12),
        std::string_view("\x2a\x02\x0a\x09", 4)}) {
    EXPECT_FALSE(Decode(bytes, request));
  }
}

TEST(Protobuf, VarintsOfAllSizes) {
  for (int bit = 0; bit < 64; ++bit) {
    for (const std::uint64_t value : {std::uint64_t{1} << bit, (std::uint64_t{1} << bit) - 1}) {
      std::string bytes;
      WireWriter(bytes).RawVarint(value);
      std::string_view rest = bytes;
      std::uint64_t back = 0;
      ASSERT_TRUE(WireReader::TakeVarint(rest, back));
      EXPECT_EQ(back, value);
      EXPECT_TRUE(rest.empty());
    }
  }
}

}  // namespace
}  // namespace inro::wire
