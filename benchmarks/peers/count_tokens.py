"""Count: a JSON list of texts on standard input, a JSON list of their o200k tokens on standard output."""

import json
import sys

import bpe_openai

if __name__ == "__main__":
    encoding = bpe_openai.get_encoding("o200k_base")
    json.dump([len(encoding.encode(text)) for text in json.load(sys.stdin)], sys.stdout)
