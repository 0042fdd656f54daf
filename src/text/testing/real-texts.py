# Digests of scikit-learn's results on real texts, for src/text/real-texts.test.ts: prints real-texts.json.
#   apt-get install -y python3-sklearn && python3 src/text/testing/real-texts.py ../shared/data/text > src/text/testing/real-texts.json
# Integers as the hash of their little-endian int32; floats as exactly rounded weighted sums of 61 stretches, so that one value that is off by more
# than the tolerance shows in its sum (a hash of rounded values would not do: of 3.4 M values dozens lie within 1e-16 of a border).
import gzip, hashlib, json, lzma, math, os, sys
import numpy
import sklearn
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer

KINDS = {"count": CountVectorizer, "tfidf": TfidfVectorizer, "hashing": HashingVectorizer}
BBC, REVIEWS = "bbc-news.jsonl.gz", "reviews-labelled-25k.jsonl.xz"
CASES = [
    (BBC, "count", {}),
    (BBC, "count", {"ngram_range": [1, 2], "min_df": 2, "stop_words": "english"}),
    (BBC, "count", {"ngram_range": [1, 3], "min_df": 3, "max_df": 0.5, "binary": True}),
    (BBC, "count", {"analyzer": "char_wb", "ngram_range": [2, 4], "min_df": 3, "max_features": 20000}),
    (BBC, "count", {"analyzer": "char", "ngram_range": [3, 3], "lowercase": False, "strip_accents": "ascii"}),
    (BBC, "count", {"strip_accents": "unicode", "token_pattern": r"(?u)\b\w+\b"}),
    (BBC, "tfidf", {}),
    (BBC, "tfidf", {"sublinear_tf": True, "ngram_range": [1, 2], "norm": "l1", "smooth_idf": False}),
    (BBC, "tfidf", {"norm": None, "max_df": 0.9, "min_df": 0.01}),
    (BBC, "hashing", {}),
    (BBC, "hashing", {"n_features": 1024, "ngram_range": [1, 2], "norm": None}),
    (BBC, "hashing", {"analyzer": "char_wb", "ngram_range": [3, 3], "alternate_sign": False, "norm": "l1"}),
    (REVIEWS, "count", {}),
    (REVIEWS, "tfidf", {"sublinear_tf": True}),
    (REVIEWS, "hashing", {}),
]


def texts(path):
    with (lzma if path.endswith("xz") else gzip).open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in lines]


def sha(data):
    return hashlib.sha256(data).hexdigest()


def ints(x):
    return sha(numpy.ascontiguousarray(x, dtype="<i4").tobytes())


def floats(x):
    weighted = numpy.asarray(x, dtype="f8") * numpy.resize([1.0, -1.0, 2.0, -2.0, 4.0, -4.0], len(x))
    borders = [len(x) * b // 61 for b in range(62)]
    return [math.fsum(weighted[a:b].tolist()) for a, b in zip(borders, borders[1:])]


def digest(kind, options, docs):
    v = KINDS[kind](**{k: tuple(o) if k == "ngram_range" else o for k, o in options.items()})
    x = v.fit_transform(docs)
    x.sort_indices()
    result = {"shape": list(x.shape), "entries": int(x.nnz), "indptr": ints(x.indptr), "indices": ints(x.indices)}
    result["data"] = ints(x.data) if kind == "count" else floats(x.data)
    if kind != "hashing":
        result["terms"] = sha("\0".join(v.get_feature_names_out()).encode())
    if kind == "tfidf":
        result["idf"] = floats(v.idf_)
    return result


read = {name: texts(os.path.join(sys.argv[1], name)) for name in (BBC, REVIEWS)}
cases = [{"file": f, "kind": k, "options": o, **digest(k, o, read[f])} for f, k, o in CASES]
print(json.dumps({"madeBy": f"scikit-learn {sklearn.__version__}, numpy {numpy.__version__}", "cases": cases}, indent=2))
