// Super-resolve a video by a step of a stream (scripts/export.py --step): raw float32 in and out.
//   g++ -O2 -std=c++17 stream_step.cpp -I HEADERS -L LIBRARY -lonnxruntime -o stream_step
//   ./stream_step step.onnx < frames.f32 > pred.f32
// A frame is lq (h x w), then guide (3 x H x W), in [0, 1]; a prediction is H x W.
#include <onnxruntime_cxx_api.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

static float* data(Ort::Value& x) { return x.GetTensorMutableData<float>(); }
static size_t size(Ort::Value& x) { return x.GetTensorTypeAndShapeInfo().GetElementCount(); }
static bool read(Ort::Value& x) { return fread(data(x), sizeof(float), size(x), stdin) == size(x); }

static int stream(const char* path) {
    Ort::Env env(ORT_LOGGING_LEVEL_WARNING, "stream_step");
    Ort::SessionOptions options;
    options.SetIntraOpNumThreads(1);
    Ort::Session session(env, path, options);
    Ort::AllocatorWithDefaultOptions heap;

    // Inputs: lq, guide, with a delay also "here", and what is kept, which begins as zeros.
    std::vector<Ort::Value> in;
    std::vector<std::string> names;  // of inputs, then of outputs
    for (size_t i = 0; i < session.GetInputCount(); i++) {
        auto shape = session.GetInputTypeInfo(i).GetTensorTypeAndShapeInfo().GetShape();
        in.push_back(Ort::Value::CreateTensor<float>(heap, shape.data(), shape.size()));
        std::fill_n(data(in[i]), size(in[i]), 0.0f);
        names.push_back(session.GetInputNameAllocated(i, heap).get());
    }
    const size_t outputs = session.GetOutputCount();
    for (size_t i = 0; i < outputs; i++) names.push_back(session.GetOutputNameAllocated(i, heap).get());
    std::vector<const char*> words;
    for (auto& name : names) words.push_back(name.c_str());

    auto about = session.GetModelMetadata().LookupCustomMetadataMapAllocated("delay", heap);
    const long delay = std::stol(about.get());
    const size_t first = delay ? 3 : 2, maps = outputs - (in.size() - first);
    for (long i = 0, after = 0;; i++) {
        const bool here = !after && read(in[0]) && read(in[1]);
        if (!here && ++after > delay) return 0;
        if (delay) *data(in[2]) = here;
        auto out = session.Run(Ort::RunOptions{nullptr}, words.data(), in.data(), in.size(),
                               words.data() + in.size(), outputs);
        if (i >= delay) fwrite(data(out[0]), sizeof(float), size(out[0]), stdout);
        for (size_t k = first; k < in.size(); k++) in[k] = std::move(out[maps + k - first]);
    }
}

int main(int argc, char** argv) try {
    return argc == 2 ? stream(argv[1]) : (fprintf(stderr, "usage: %s step.onnx\n", argv[0]), 2);
} catch (const std::exception& error) {
    return fprintf(stderr, "%s\n", error.what()), 1;
}
