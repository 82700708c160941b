from clu import JSONActor

stage = JSONActor("stage", port=9999, version="0.1.0")
