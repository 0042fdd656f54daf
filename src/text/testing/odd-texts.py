# scikit-learn's results on odd texts under odd settings, for src/text/odd-texts.test.ts: reads the cases of odd-texts.json and prints them with results made anew.
#   pip install scikit-learn && python3 src/text/testing/odd-texts.py src/text/testing/odd-texts.json
import json, sys, warnings
import numpy, sklearn
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer

warnings.simplefilter("ignore")
KINDS = {"count": CountVectorizer, "tfidf": TfidfVectorizer, "hashing": HashingVectorizer}


def value(name, v):
    if isinstance(v, dict):
        return dict(map(tuple, v["$map"])) if "$map" in v else set(v["$set"]) if "$set" in v else v.get("fraction", v.get("count"))
    return tuple(v) if name == "ngram_range" else getattr(numpy, v) if name == "dtype" else v


def text(d):
    return d if isinstance(d, str) else d["$bytes"].encode("latin-1")


def matrix(x):
    x.sort_indices()
    return {"shape": x.shape, "indptr": x.indptr.tolist(), "indices": x.indices.tolist(), "data": x.data.tolist()}


def result(case):
    case = {k: case[k] for k in ("kind", "options", "fit", "docs")}
    v = KINDS[case["kind"]](**{k: value(k, o) for k, o in case["options"].items()})
    try:
        case["fitMatrix"] = matrix(v.fit_transform([text(d) for d in case["fit"]]))
        case["matrix"] = matrix(v.transform([text(d) for d in case["docs"]]))
    except ValueError as e:  # UnicodeDecodeError and InvalidParameterError are
        return {**{k: case[k] for k in ("kind", "options", "fit", "docs")}, "error": str(e).split(":")[0][:80]}
    if case["kind"] != "hashing":
        case["terms"] = v.get_feature_names_out().tolist()
    return case


cases = json.load(open(sys.argv[1]))["cases"]
lines = ",\n".join(json.dumps(result(c)) for c in cases)
print(f'{{"madeBy": "scikit-learn {sklearn.__version__}, numpy {numpy.__version__}", "cases": [\n{lines}\n]}}')
