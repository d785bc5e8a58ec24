"""Random documents for comparing exclusive canonicalisation, the same ones for the same seed.

    generate.py FILE COUNT [SEED]

FILE becomes a pack: for each document a line `OCTETS PREFIXLIST`, the document, a newline. One element of each
document has the attribute apex="": that subtree is to be canonicalised, once plainly and once with PREFIXLIST as
InclusiveNamespaces. The documents have what canonicalisation depends on: namespaces declared, redeclared, undeclared,
unused, one name under two prefixes; attributes in any order, in namespaces, with references and line ends in their
values; CDATA, comments, white space, all three line ends and their references, characters of one to four octets,
deep nesting. No document type and no processing instruction: the gateway's parser refuses the first and SAML never has
the second.
"""

import random
import sys

PREFIXES = ["", "", "a", "b", "c", "saml2", "é"]
URIS = ["urn:a", "urn:b", "urn:b", "urn:x:é", "http://x.example/?a=1&amp;b=2", "http://y.example/#"]
NAMES = ["a", "b", "Z", "b-c", "d.e", "_f", "é", "名", "g1"]
XML = "http://www.w3.org/XML/1998/namespace"
TEXT = ["a", "B ", "  ", "\n", "\r\n", "\r", "\t", "&#13;", "&#xA;", "&#9;", "&#xD;&#xA;", "&lt;", "&gt;", ">", "&amp;", "&quot;",
        "&apos;", '"', "'", "]]&gt;", "é", "Ωνάσης", "名", "\u0085", "\u2028", "\ufeff", "𝔘", "&#x1D518;", "&#233;", "\u00a0", "e\u0301"]


class Document:
    """One document and the PrefixList to canonicalise it with."""

    def __init__(self, dice):
        self.dice = dice
        self.depth = dice.choice([2, 3, 3, 4, 4, 5, 30])
        self.nodes = dice.choice([3, 10, 30])
        self.apex = dice.choice([0, 1, 1, 2, 3, 5, 8])
        self.met = 0
        self.prefixes = dice.choices(["#default", "a", "b", "c", "saml2", "é", "unknown"], k=dice.randint(1, 4))
        prolog = dice.choice(["", '<?xml version="1.0"?>', '<?xml version="1.0" encoding="UTF-8"?>\n', "<!-- before -->\r\n"])
        body = self.element({"": "", "xml": XML}, 0)
        # Fewer elements than foreseen: the root it is.
        body = body.replace("\0", "" if self.apex is None else "apex=''")
        self.text = prolog + body + dice.choice(["", "\n", "<!-- after -->", " "])

    def element(self, outer, level):
        dice = self.dice
        scope, written = dict(outer), []
        for prefix in dice.sample(PREFIXES, k=dice.choice([0, 0, 1, 2, 3])):
            if any(w.startswith((f"xmlns:{prefix}=" if prefix else "xmlns=")) for w in written):
                continue
            # Only the default namespace can be undeclared; redeclaring what is in force is allowed and frequent.
            uri = dice.choice(URIS + ([""] * 2 if not prefix else [])) if dice.random() < 0.7 or prefix not in scope else scope[prefix]
            if prefix or uri or "" in scope:
                scope[prefix] = uri
                written.append((f"xmlns:{prefix}=" if prefix else "xmlns=") + self.quoted(uri))
        if dice.random() < 0.01:
            written.append(f'xmlns:xml="{XML}"')

        name = self.name([p for p in scope if p != "xml"])
        taken = set()
        for _ in range(dice.choice([0, 0, 1, 2, 5])):
            prefix = dice.choice(list(scope))
            local = dice.choice(["lang", "space", "base"]) if prefix == "xml" else dice.choice(NAMES)
            value = dice.choice(["preserve", "default"]) if local == "space" else self.value()
            key = (scope[prefix] if prefix else "", local)
            if key not in taken:
                taken.add(key)
                written.append((f"{prefix}:{local}" if prefix else local) + dice.choice(["=", "=", " = "]) + self.quoted(value))
        dice.shuffle(written)
        if level == 0:
            written.append("\0")
        if self.met == self.apex:
            written.append("apex=''")
            self.apex = None
        self.met += 1

        open_tag = "<" + name + "".join(dice.choice([" ", " ", "\n  ", "\r\n\t"]) + w for w in written) + dice.choice(["", "", " ", "\n"])
        content = "".join(self.node(scope, level + 1) for _ in range(dice.choice([0, 1, 2, 4]) if level else 4))
        if level + 1 < self.depth and self.depth > 10 and self.met < self.nodes * 4:
            content += self.element(scope, level + 1)  # the deep ones: at least one child all the way down
        return open_tag + "/>" if not content and dice.random() < 0.5 else f"{open_tag}>{content}</{name}{dice.choice(['', ' '])}>"

    def node(self, scope, level):
        dice = self.dice
        kind = dice.random()
        if kind < 0.5 and level < self.depth and self.met < self.nodes:
            return self.element(scope, level)
        if kind < 0.8:
            return "".join(dice.choices(TEXT, k=dice.randint(1, 6)))
        if kind < 0.9:
            inside = dice.choices([t for t in TEXT if not t.startswith(("&", "]"))] + ["&", "<", "&lt;", "] ", "]]-"], k=dice.randint(0, 4))
            return "<![CDATA[" + "".join(inside) + "]]>"
        return "<!--" + dice.choice(["", " a comment ", "<x/>", "&lt;", "é\r\n𝔘"]) + "-->"

    def name(self, prefixes):
        prefix = self.dice.choice(prefixes)
        return (prefix + ":" if prefix else "") + self.dice.choice(NAMES)

    def value(self):
        return "".join(self.dice.choices(TEXT, k=self.dice.randint(0, 5)))

    def quoted(self, value):
        quote = self.dice.choice("\"'")
        return quote + value.replace(quote, "&quot;" if quote == '"' else "&apos;") + quote


def main():
    path, count, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 1
    with open(path, "wb") as out:
        for number in range(count):
            document = Document(random.Random(seed * 1_000_003 + number))
            text = document.text.encode()
            out.write(f"{len(text)} {' '.join(document.prefixes)}\n".encode() + text + b"\n")


main()
