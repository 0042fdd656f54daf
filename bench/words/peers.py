# The other side of bench/words/run.mjs: scikit-learn and gensim; BLAS on one thread. Answers `task` lines with wall and CPU seconds as JSON.
import json, os, resource, sys, time
for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
import gensim
import sklearn
from gensim.models import Word2Vec
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer

docs_path, corpus_path, threads = sys.argv[1:4]
docs = [json.loads(line)["text"] for line in open(docs_path, encoding="utf-8")]


def timed(work):
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return {"seconds": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "peakMB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def train(sg):
    model = Word2Vec(vector_size=100, window=5, min_count=5, negative=5, sample=1e-3, sg=sg, workers=int(threads))
    model.build_vocab(corpus_file=corpus_path)
    return timed(lambda: model.train(corpus_file=corpus_path, total_words=model.corpus_total_words, total_examples=model.corpus_count, epochs=1))


tasks = {
    "count": lambda: timed(lambda: CountVectorizer().fit_transform(docs)),
    "tfidf": lambda: timed(lambda: TfidfVectorizer(sublinear_tf=True).fit_transform(docs)),
    "hashing": lambda: timed(lambda: HashingVectorizer().fit_transform(docs)),
    "skipgram": lambda: train(1),
    "cbow": lambda: train(0),
}
print(json.dumps({"name": f"scikit-learn {sklearn.__version__}, gensim {gensim.__version__}"}), flush=True)
for line in sys.stdin:
    print(json.dumps(tasks[line.split()[0]]()), flush=True)
