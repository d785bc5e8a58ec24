"""Three peers in Python: they read what we sign and encrypt, and write what we must read.

    peers.py PEER read|write FOLDER

xmlsec        libxmlsec1 1.3 (the PyPI wheel `xmlsec` brings it): signatures, RSA-OAEP, AES-GCM
signxml       signatures, and written in Python from end to end
cryptography  ECDH-ES with ConcatKDF on all six curves, which no XML library here can do: the XML is put together by
              hand after XML Encryption 1.1, the cryptography is the package's

One line per case; exit status 1 if one failed. See README.md for the files.
"""

import base64
import os
import sys
from pathlib import Path

from lxml import etree

DS = "http://www.w3.org/2000/09/xmldsig#"
DS11 = "http://www.w3.org/2009/xmldsig11#"
DSIG_MORE = "http://www.w3.org/2001/04/xmldsig-more#"
DSIG_2007 = "http://www.w3.org/2007/05/xmldsig-more#"
XENC = "http://www.w3.org/2001/04/xmlenc#"
XENC11 = "http://www.w3.org/2009/xmlenc11#"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
SAML2 = "urn:oasis:names:tc:SAML:2.0:assertion"
DIGEST = {"sha256": XENC + "sha256", "sha384": DSIG_MORE + "sha384", "sha512": XENC + "sha512"}
RSA = ["rsa3072", "rsa4096"]
EC = {"p256": "1.2.840.10045.3.1.7", "p384": "1.3.132.0.34", "p521": "1.3.132.0.35", "bp256": "1.3.36.3.3.2.8.1.1.7",
      "bp384": "1.3.36.3.3.2.8.1.1.11", "bp512": "1.3.36.3.3.2.8.1.1.13"}
SIGNATURES = {f"{key}-pss-{sha}": f"{DSIG_2007}{sha}-rsa-MGF1" for key in RSA for sha in DIGEST} | {
    f"{key}-ecdsa-{sha}": f"{DSIG_MORE}ecdsa-{sha}" for key in EC for sha in DIGEST}
MGF = ["mgf1sha256", "mgf1sha384", "mgf1sha512"]

folder = Path(sys.argv[3])
failed = 0


def case(name, test):
    global failed
    try:
        test()
        print("ok", name)
    except Exception as refused:  # whatever a peer throws is its refusal
        failed += 1
        print(f"FAILED {name}: {type(refused).__name__}: {' '.join(str(refused).split())[:300]}")


def files(kind):
    return sorted(path for path in (folder / "ours" / kind).glob("*.xml"))


def key_of(name):
    return name.split("-")[0]


def pem(key, kind):
    return (folder / "keys" / f"{key}.{kind}.pem").read_bytes()


def template():
    return etree.parse(folder / "template.xml").getroot()


def save(peer, kind, name, root):
    path = folder / peer / kind / f"{name}.xml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(etree.tostring(root))


def same_as_plain(octets):
    plain = etree.fromstring((folder / "plain.xml").read_bytes())
    if etree.tostring(etree.fromstring(octets), method="c14n", exclusive=True) != etree.tostring(plain, method="c14n", exclusive=True):
        raise ValueError("another plaintext")


def xml(text):
    return etree.fromstring(" ".join(text.split()).replace("> <", "><"))


class Xmlsec:
    """libxmlsec1 through its Python binding."""

    def __init__(self):
        import xmlsec

        self.xmlsec = xmlsec
        print("libxmlsec1", ".".join(map(str, xmlsec.get_libxmlsec_version())))

    def key(self, name, kind):
        formats = self.xmlsec.KeyFormat
        return self.xmlsec.Key.from_memory(pem(name, kind), formats.PEM if kind == "key" else formats.CERT_PEM)

    def read(self):
        for path in files("signed"):
            case(f"verify {path.name}", lambda: self.verify(path))
        for path in files("encrypted"):
            if key_of(path.name) in RSA:
                case(f"decrypt {path.name}", lambda: self.decrypt(path))

    def verify(self, path):
        root = etree.parse(path).getroot()
        self.xmlsec.tree.add_ids(root, ["ID"])
        context = self.xmlsec.SignatureContext()
        context.key = self.key(key_of(path.name), "crt")
        context.verify(root.find(f"{{{DS}}}Signature"))

    def decrypt(self, path):
        root = etree.parse(path).getroot()
        manager = self.xmlsec.KeysManager()
        manager.add_key(self.key(key_of(path.name), "key"))
        self.xmlsec.tree.add_ids(root, ["Id"])
        data = root.find(f".//{{{XENC}}}EncryptedData")
        plain = self.xmlsec.EncryptionContext(manager).decrypt(data)
        same_as_plain(etree.tostring(plain))

    def write(self):
        for name, algorithm in SIGNATURES.items():
            case(f"sign {name}", lambda: self.sign(name, algorithm))
        for digest in DIGEST:
            for mgf in MGF:
                case(f"encrypt rsa3072-{digest}-{mgf}", lambda: self.encrypt(f"rsa3072-oaep-{digest}-{mgf}", digest, mgf, "aes256-gcm"))
        for content in ["aes128-gcm", "aes192-gcm", "aes256-gcm"]:
            case(f"encrypt rsa4096-{content}", lambda: self.encrypt(f"rsa4096-oaep-{content}", "sha256", "mgf1sha256", content))

    def sign(self, name, algorithm):
        root = template()
        root.insert(1, xml(f"""
            <ds:Signature xmlns:ds="{DS}"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="{EXCLUSIVE}"/>
            <ds:SignatureMethod Algorithm="{algorithm}"/><ds:Reference URI="#{root.get('ID')}"><ds:Transforms>
            <ds:Transform Algorithm="{DS}enveloped-signature"/><ds:Transform Algorithm="{EXCLUSIVE}"/></ds:Transforms>
            <ds:DigestMethod Algorithm="{DIGEST[name.split('-')[-1]]}"/><ds:DigestValue/></ds:Reference></ds:SignedInfo>
            <ds:SignatureValue/><ds:KeyInfo><ds:X509Data/></ds:KeyInfo></ds:Signature>"""))
        self.xmlsec.tree.add_ids(root, ["ID"])
        context = self.xmlsec.SignatureContext()
        context.key = self.key(key_of(name), "key")
        context.key.load_cert_from_memory(pem(key_of(name), "crt"), self.xmlsec.KeyFormat.PEM)
        context.sign(root.find(f"{{{DS}}}Signature"))
        save("xmlsec", "signed", name, root)

    def encrypt(self, name, digest, mgf, content):
        # Encrypted as a document of its own: libxmlsec1 does not write the declarations that an element inherits.
        plain = etree.fromstring((folder / "plain.xml").read_bytes())
        data = xml(f"""
            <xenc:EncryptedData xmlns:xenc="{XENC}" Type="{XENC}Element"><xenc:EncryptionMethod Algorithm="{XENC11}{content}"/>
            <ds:KeyInfo xmlns:ds="{DS}"><xenc:EncryptedKey><xenc:EncryptionMethod Algorithm="{XENC11}rsa-oaep">
            <ds:DigestMethod Algorithm="{DIGEST[digest]}"/><xenc11:MGF xmlns:xenc11="{XENC11}" Algorithm="{XENC11}{mgf}"/></xenc:EncryptionMethod>
            <xenc:CipherData><xenc:CipherValue/></xenc:CipherData></xenc:EncryptedKey></ds:KeyInfo>
            <xenc:CipherData><xenc:CipherValue/></xenc:CipherData></xenc:EncryptedData>""")
        manager = self.xmlsec.KeysManager()
        manager.add_key(self.key(key_of(name), "key"))
        context = self.xmlsec.EncryptionContext(manager)
        context.key = self.xmlsec.Key.generate(self.xmlsec.KeyData.AES, int(content[3:6]), self.xmlsec.KeyDataType.SESSION)
        root = template()
        etree.SubElement(root, f"{{{SAML2}}}EncryptedAssertion").append(context.encrypt_xml(data, plain))
        save("xmlsec", "encrypted", name, root)


class Signxml:
    """signxml, whose canonicalisation is lxml's and whose cryptography is the package of that name."""

    def __init__(self):
        import signxml

        self.signxml = signxml
        print("signxml", __import__("importlib.metadata").metadata.version("signxml"))

    def read(self):
        for path in files("signed"):
            case(f"verify {path.name}", lambda: self.verify(path))

    def verify(self, path):
        expected = self.signxml.SignatureConfiguration(location="./", expect_references=1)
        certificate = pem(key_of(path.name), "crt").decode()
        result = self.signxml.XMLVerifier().verify(path.read_bytes(), x509_cert=certificate, expect_config=expected, id_attribute="ID")
        if result.signed_xml is None or result.signed_xml.get("ID") != etree.parse(path).getroot().get("ID"):
            raise ValueError("something else was signed")

    def write(self):
        for name in SIGNATURES:
            case(f"sign {name}", lambda: self.sign(name))

    def sign(self, name):
        root = template()
        sha = name.split("-")[-1].upper()
        method = f"{sha}_RSA_MGF1" if key_of(name) in RSA else f"ECDSA_{sha}"
        signer = self.signxml.XMLSigner(
            signature_algorithm=self.signxml.SignatureMethod[method], digest_algorithm=self.signxml.DigestAlgorithm[sha],
            c14n_algorithm=self.signxml.CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0)
        root.insert(1, etree.Element(f"{{{DS}}}Signature", Id="placeholder"))
        signed = signer.sign(root, key=pem(key_of(name), "key"), cert=pem(key_of(name), "crt").decode(),
                             reference_uri=root.get("ID"), id_attribute="ID")
        save("signxml", "signed", name, signed)


class Cryptography:
    """Key agreement, put together by hand."""

    def __init__(self):
        from cryptography import __version__
        from cryptography.hazmat.primitives import hashes, keywrap, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
        from cryptography import x509

        self.hashes, self.keywrap, self.serialization, self.ec = hashes, keywrap, serialization, ec
        self.gcm, self.kdf, self.x509 = AESGCM, ConcatKDFHash, x509
        print("cryptography", __version__)

    def wrapping_key(self, private, public, parameters, digest, octets):
        """ConcatKDF of XML Encryption 1.1 §5.4.1: each parameter is hexadecimal, its first octet counts padding bits."""
        info = b""
        for value in parameters:
            if value:
                value = bytes.fromhex(value)
                if value[0] != 0:
                    raise ValueError("padding bits")
                info += value[1:]
        shared = private.exchange(self.ec.ECDH(), public)
        hashed = {"sha256": self.hashes.SHA256, "sha384": self.hashes.SHA384, "sha512": self.hashes.SHA512}[digest]()
        return self.kdf(algorithm=hashed, length=octets, otherinfo=info).derive(shared)

    def read(self):
        for path in files("encrypted"):
            if key_of(path.name) in EC:
                case(f"decrypt {path.name}", lambda: self.decrypt(path))

    def decrypt(self, path):
        root = etree.parse(path).getroot()
        key = root.find(f".//{{{XENC}}}EncryptedKey")
        data = root.find(f".//{{{XENC}}}EncryptedData")
        agreement = key.find(f".//{{{XENC}}}AgreementMethod")
        if agreement.get("Algorithm") != XENC11 + "ECDH-ES":
            raise ValueError(agreement.get("Algorithm"))
        value = agreement.find(f".//{{{DS11}}}ECKeyValue")
        if value.find(f"{{{DS11}}}NamedCurve").get("URI") != "urn:oid:" + EC[key_of(path.name)]:
            raise ValueError("another curve")
        private = self.serialization.load_pem_private_key(pem(key_of(path.name), "key"), None)
        point = base64.b64decode(value.findtext(f"{{{DS11}}}PublicKey"))
        public = self.ec.EllipticCurvePublicKey.from_encoded_point(private.curve, point)
        kdf = agreement.find(f".//{{{XENC11}}}ConcatKDFParams")
        digest = kdf.find(f"{{{DS}}}DigestMethod").get("Algorithm").split("#")[1]
        names = ["AlgorithmID", "PartyUInfo", "PartyVInfo", "SuppPubInfo", "SuppPrivInfo"]
        wrap = key.find(f"{{{XENC}}}EncryptionMethod").get("Algorithm")
        wrapping = self.wrapping_key(private, public, [kdf.get(n) for n in names], digest, {"kw-aes128": 16, "kw-aes256": 32}[wrap.split("#")[1]])
        content_key = self.keywrap.aes_key_unwrap(wrapping, base64.b64decode(key.findtext(f"{{{XENC}}}CipherData/{{{XENC}}}CipherValue")))
        method = data.find(f"{{{XENC}}}EncryptionMethod").get("Algorithm")
        if method != f"{XENC11}aes{len(content_key) * 8}-gcm":
            raise ValueError(method)
        octets = base64.b64decode(data.findtext(f"{{{XENC}}}CipherData/{{{XENC}}}CipherValue"))
        same_as_plain(self.gcm(content_key).decrypt(octets[:12], octets[12:], None))

    def write(self):
        empty, login_gov_pl = ["00"] * 3, ["0000002A687474703A2F2F7777772E77332E6F72672F323030312F30342F786D6C656E63236B772D616573323536", "00AA", "00BBCC"]
        for curve in EC:
            for wrap in [128, 256]:
                for place in ["inline", "sibling"]:
                    self.variant(f"{curve}-kw{wrap}-{place}", wrap=wrap, sibling=place == "sibling", parameters=empty)
        for content in [128, 192, 256]:
            self.variant(f"p256-content{content}", content=content, parameters=empty)
        for digest in DIGEST:
            self.variant(f"p384-kdf-{digest}", digest=digest, parameters=empty)
        # The parameters that peers send: empty with padding octet, one zero octet, none at all, something; all five.
        for name, parameters in {"00": empty, "0000": ["0000"] * 3, "absent": [None] * 3, "filled": login_gov_pl,
                                 "five": ["0001", "0002", "0003", "0004", "0005"]}.items():
            self.variant(f"p521-parameters-{name}", parameters=parameters)
        for recipient in ["certificate", "serial", "none"]:
            self.variant(f"bp384-recipient-{recipient}", recipient=recipient, parameters=empty)

    def variant(self, name, **options):
        case(f"encrypt {name}", lambda: self.encrypt(name, **options))

    def encrypt(self, name, parameters, wrap=256, content=256, digest="sha256", sibling=False, recipient="certificate"):
        certificate = self.x509.load_pem_x509_certificate(pem(key_of(name), "crt"))
        ephemeral = self.ec.generate_private_key(certificate.public_key().curve)
        wrapping = self.wrapping_key(ephemeral, certificate.public_key(), parameters, digest, wrap // 8)
        content_key, nonce = os.urandom(content // 8), os.urandom(12)
        cipher = nonce + self.gcm(content_key).encrypt(nonce, (folder / "plain.xml").read_bytes(), None)
        point = ephemeral.public_key().public_bytes(self.serialization.Encoding.X962, self.serialization.PublicFormat.UncompressedPoint)
        named = zip(["AlgorithmID", "PartyUInfo", "PartyVInfo", "SuppPubInfo", "SuppPrivInfo"], parameters)
        der = base64.encodebytes(certificate.public_bytes(self.serialization.Encoding.DER)).decode()
        who = {"none": "",
               "certificate": f"<xenc:RecipientKeyInfo><ds:X509Data><ds:X509Certificate>{der}</ds:X509Certificate></ds:X509Data></xenc:RecipientKeyInfo>",
               "serial": f"<xenc:RecipientKeyInfo><ds:X509Data><ds:X509IssuerSerial><ds:X509IssuerName>{certificate.issuer.rfc4514_string()}"
                         f"</ds:X509IssuerName><ds:X509SerialNumber>{certificate.serial_number}</ds:X509SerialNumber></ds:X509IssuerSerial></ds:X509Data></xenc:RecipientKeyInfo>"}
        key = f"""
            <xenc:EncryptedKey xmlns:xenc="{XENC}" xmlns:ds="{DS}" Id="_key"><xenc:EncryptionMethod Algorithm="{XENC}kw-aes{wrap}"/><ds:KeyInfo>
            <xenc:AgreementMethod Algorithm="{XENC11}ECDH-ES"><xenc11:KeyDerivationMethod xmlns:xenc11="{XENC11}" Algorithm="{XENC11}ConcatKDF">
            <xenc11:ConcatKDFParams {' '.join(f'{n}="{v}"' for n, v in named if v is not None)}><ds:DigestMethod Algorithm="{DIGEST[digest]}"/>
            </xenc11:ConcatKDFParams></xenc11:KeyDerivationMethod><xenc:OriginatorKeyInfo><ds:KeyValue><ds11:ECKeyValue xmlns:ds11="{DS11}">
            <ds11:NamedCurve URI="urn:oid:{EC[key_of(name)]}"/><ds11:PublicKey>{base64.b64encode(point).decode()}</ds11:PublicKey>
            </ds11:ECKeyValue></ds:KeyValue></xenc:OriginatorKeyInfo>{who[recipient]}</xenc:AgreementMethod></ds:KeyInfo><xenc:CipherData>
            <xenc:CipherValue>{base64.b64encode(self.keywrap.aes_key_wrap(wrapping, content_key)).decode()}</xenc:CipherValue></xenc:CipherData></xenc:EncryptedKey>"""
        inside = f'<ds:RetrievalMethod URI="#_key" Type="{XENC}EncryptedKey"/>' if sibling else key
        root = template()
        root.append(xml(f"""
            <saml2:EncryptedAssertion xmlns:saml2="{SAML2}"><xenc:EncryptedData xmlns:xenc="{XENC}" Type="{XENC}Element">
            <xenc:EncryptionMethod Algorithm="{XENC11}aes{content}-gcm"/><ds:KeyInfo xmlns:ds="{DS}">{inside}</ds:KeyInfo><xenc:CipherData>
            <xenc:CipherValue>{base64.encodebytes(cipher).decode()}</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData>
            {key if sibling else ''}</saml2:EncryptedAssertion>"""))
        save("cryptography", "encrypted", name, root)


peer = {"xmlsec": Xmlsec, "signxml": Signxml, "cryptography": Cryptography}[sys.argv[1]]()
{"read": peer.read, "write": peer.write}[sys.argv[2]]()
sys.exit(1 if failed else 0)
