import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.Key;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.SecureRandom;
import java.security.Security;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import javax.crypto.KeyAgreement;
import javax.crypto.KeyGenerator;
import javax.crypto.spec.SecretKeySpec;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.transform.OutputKeys;
import javax.xml.transform.Transformer;
import javax.xml.transform.TransformerFactory;
import javax.xml.transform.dom.DOMSource;
import javax.xml.transform.stream.StreamResult;
import org.apache.xml.security.Init;
import org.apache.xml.security.algorithms.JCEMapper;
import org.apache.xml.security.c14n.Canonicalizer;
import org.apache.xml.security.encryption.EncryptedData;
import org.apache.xml.security.encryption.EncryptedKey;
import org.apache.xml.security.encryption.XMLCipher;
import org.apache.xml.security.keys.KeyInfo;
import org.apache.xml.security.signature.XMLSignature;
import org.apache.xml.security.transforms.Transforms;
import org.apache.xml.security.transforms.params.InclusiveNamespaces;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.crypto.Digest;
import org.bouncycastle.crypto.agreement.kdf.ConcatenationKDFGenerator;
import org.bouncycastle.crypto.digests.SHA256Digest;
import org.bouncycastle.crypto.digests.SHA384Digest;
import org.bouncycastle.crypto.digests.SHA512Digest;
import org.bouncycastle.crypto.params.KDFParameters;
import org.bouncycastle.jcajce.provider.asymmetric.ec.BCECPrivateKey;
import org.bouncycastle.jcajce.provider.asymmetric.ec.BCECPublicKey;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.jce.spec.ECPublicKeySpec;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.Node;
import org.w3c.dom.NodeList;

/**
 * Apache Santuario with BouncyCastle as a peer: reads what we sign and encrypt, writes what we must read, and
 * canonicalises. One line per case; exit status 1 if one failed. See ../README.md for the files.
 *
 * Santuario 2.1 knows no ECDH-ES: key agreement and derivation are BouncyCastle's, the rest is Santuario.
 */
public class Santuario {
    static final String SAML2P = "urn:oasis:names:tc:SAML:2.0:protocol";
    static final String SAML2 = "urn:oasis:names:tc:SAML:2.0:assertion";
    static final String DSIG_MORE = "http://www.w3.org/2001/04/xmldsig-more#";
    static final String DSIG_2007 = "http://www.w3.org/2007/05/xmldsig-more#";
    static final String DSIG = "http://www.w3.org/2000/09/xmldsig#";
    static final String DSIG11 = "http://www.w3.org/2009/xmldsig11#";
    static final String XENC = "http://www.w3.org/2001/04/xmlenc#";
    static final String XENC11 = "http://www.w3.org/2009/xmlenc11#";
    static final String EXCLUSIVE = Canonicalizer.ALGO_ID_C14N_EXCL_OMIT_COMMENTS;
    static final String OAEP = XMLCipher.RSA_OAEP_11;
    static final String SHA1 = DSIG + "sha1";
    static final String[] SHA2 = {XENC + "sha256", DSIG_MORE + "sha384", XENC + "sha512"};
    static final List<String> RSA = List.of("rsa3072", "rsa4096");
    static final List<String> EC = List.of("p256", "p384", "p521", "bp256", "bp384", "bp512");

    static Path folder;
    static int failed;

    public static void main(String[] arguments) throws Exception {
        // Santuario's own default for line breaks in base64 stays: it is what Java peers send (&#13;).
        Init.init();
        Security.addProvider(new BouncyCastleProvider());
        JCEMapper.setProviderId("BC");
        folder = Path.of(arguments[1]);
        switch (arguments[0]) {
            case "read" -> read();
            case "write" -> write();
            case "canonicalize" -> canonicalize(Path.of(arguments[1]), Path.of(arguments[2]));
            default -> throw new IllegalArgumentException(arguments[0]);
        }
        System.exit(failed == 0 ? 0 : 1);
    }

    // Reading what we wrote.

    static void read() throws Exception {
        for (String file : list("ours/signed")) {
            report("verify " + file, () -> verify("ours/signed/" + file, keyOf(file)));
        }
        for (String file : list("emitted")) {
            boolean unsigned = file.startsWith("assertion-");
            boolean otherKey = file.equals("node-metadata-whole.xml"); // made by a node with a key of its own
            if (!unsigned && !otherKey) {
                report("verify " + file, () -> verify("emitted/" + file, file.startsWith("connector-") ? "p384" : "p256"));
            }
        }
        byte[] plain = exclusive(parse(Files.readAllBytes(folder.resolve("plain.xml"))).getDocumentElement());
        for (String file : list("ours/encrypted")) {
            report("decrypt " + file, () -> {
                Document document = parse(Files.readAllBytes(folder.resolve("ours/encrypted/" + file)));
                require(Arrays.equals(exclusive(decrypt(document, file)), plain), "another plaintext");
            });
        }
    }

    static void verify(String file, String key) throws Exception {
        Element root = parse(Files.readAllBytes(folder.resolve(file))).getDocumentElement();
        root.setIdAttribute("ID", true);
        List<Element> signatures = childElements(root).stream()
            .filter(e -> e.getLocalName().equals("Signature")).collect(Collectors.toList());
        require(signatures.size() == 1, signatures.size() + " signatures");
        XMLSignature signature = new XMLSignature(signatures.get(0), "", true);
        require(signature.getSignedInfo().getLength() == 1, "one reference");
        require(signature.getSignedInfo().item(0).getURI().equals("#" + root.getAttribute("ID")), "the root's ID");
        require(signature.checkSignatureValue(publicKey(key)), "the signature does not verify");
    }

    static Element decrypt(Document document, String file) throws Exception {
        Element data = (Element) document.getElementsByTagNameNS(XENC, "EncryptedData").item(0);
        Element key = (Element) document.getElementsByTagNameNS(XENC, "EncryptedKey").item(0);
        XMLCipher cipher = XMLCipher.getInstance();
        cipher.init(XMLCipher.DECRYPT_MODE, null);
        EncryptedData encryptedData = cipher.loadEncryptedData(document, data);
        EncryptedKey encryptedKey = cipher.loadEncryptedKey(document, key);
        String algorithm = encryptedData.getEncryptionMethod().getAlgorithm();
        XMLCipher keyCipher = XMLCipher.getInstance();
        boolean transport = RSA.contains(keyOf(file));
        keyCipher.init(XMLCipher.UNWRAP_MODE, transport ? privateKey(keyOf(file)) : agreed(key, keyOf(file)));
        Key contentKey = keyCipher.decryptKey(encryptedKey, algorithm);
        XMLCipher contentCipher = XMLCipher.getInstance(algorithm);
        contentCipher.init(XMLCipher.DECRYPT_MODE, contentKey);
        return parse(contentCipher.decryptToByteArray(data)).getDocumentElement();
    }

    /** The wrapping key of an EncryptedKey with an AgreementMethod. */
    static Key agreed(Element key, String name) throws Exception {
        String wrap = ((Element) key.getElementsByTagNameNS(XENC, "EncryptionMethod").item(0)).getAttribute("Algorithm");
        Element parameters = (Element) key.getElementsByTagNameNS(XENC11, "ConcatKDFParams").item(0);
        String digest = ((Element) parameters.getElementsByTagNameNS(DSIG, "DigestMethod").item(0)).getAttribute("Algorithm");
        Element point = (Element) key.getElementsByTagNameNS(DSIG11, "PublicKey").item(0);
        var curve = ((BCECPrivateKey) privateKey(name)).getParameters();
        var originator = new ECPublicKeySpec(curve.getCurve().decodePoint(Base64.getMimeDecoder().decode(point.getTextContent())), curve);
        PublicKey publicKey = KeyFactory.getInstance("EC", "BC").generatePublic(originator);
        return agree(privateKey(name), publicKey, digest, wrap,
            Stream.of("AlgorithmID", "PartyUInfo", "PartyVInfo").map(parameters::getAttribute).toArray(String[]::new));
    }

    /** ECDH and ConcatKDF by BouncyCastle. The first octet of each parameter counts padding bits: none. */
    static Key agree(PrivateKey ours, PublicKey theirs, String digest, String wrap, String... parameters) throws Exception {
        KeyAgreement agreement = KeyAgreement.getInstance("ECDH", "BC");
        agreement.init(ours);
        agreement.doPhase(theirs, true);
        ByteArrayOutputStream info = new ByteArrayOutputStream();
        for (String parameter : parameters) {
            byte[] octets = HexFormat.of().parseHex(parameter);
            if (octets.length > 0) {
                require(octets[0] == 0, "padding bits");
                info.write(octets, 1, octets.length - 1);
            }
        }
        Digest hash = digest.endsWith("sha256") ? new SHA256Digest() : digest.endsWith("sha384") ? new SHA384Digest() : new SHA512Digest();
        ConcatenationKDFGenerator kdf = new ConcatenationKDFGenerator(hash);
        kdf.init(new KDFParameters(agreement.generateSecret(), info.toByteArray()));
        byte[] key = new byte[wrap.endsWith("128") ? 16 : 32];
        kdf.generateBytes(key, 0, key.length);
        return new SecretKeySpec(key, "AES");
    }

    // Writing what we must read.

    static void write() throws Exception {
        for (String key : RSA) {
            for (int size : new int[] {256, 384, 512}) {
                sign("signed/" + key + "-pss-sha" + size, key, DSIG_2007 + "sha" + size + "-rsa-MGF1", SHA2[size / 128 - 2]);
            }
        }
        for (String key : EC) {
            for (int size : new int[] {256, 384, 512}) {
                sign("signed/" + key + "-ecdsa-sha" + size, key, DSIG_MORE + "ecdsa-sha" + size, SHA2[size / 128 - 2]);
            }
        }
        shortP521();
        for (String digest : SHA2) {
            for (String mgf : new String[] {"mgf1sha256", "mgf1sha384", "mgf1sha512"}) {
                String name = digest.substring(digest.indexOf('#') + 1) + "-" + mgf;
                encrypt("encrypted/rsa3072-oaep-" + name + "-aes256", OAEP, digest, mgf, XENC11 + "aes256-gcm", false);
            }
        }
        for (String content : new String[] {"aes128-gcm", "aes192-gcm", "aes256-gcm"}) {
            encrypt("encrypted/rsa4096-oaep-" + content + "-inline", OAEP, SHA2[0], "mgf1sha256", XENC11 + content, false);
            encrypt("encrypted/rsa4096-oaep-" + content + "-sibling", OAEP, SHA2[0], "mgf1sha256", XENC11 + content, true);
        }
        for (String key : EC) {
            encrypt("encrypted/" + key + "-ecdh-kw256", XENC + "kw-aes256", SHA2[0], null, XENC11 + "aes256-gcm", false);
            encrypt("encrypted/" + key + "-ecdh-kw128-sibling", XENC + "kw-aes128", SHA2[2], null, XENC11 + "aes128-gcm", true);
        }
        refused();
    }

    /** Each is right by XML Signature and XML Encryption, and outside the profile in one point. */
    static void refused() {
        sign("refused/rsa3072-pkcs1", "rsa3072", DSIG_MORE + "rsa-sha256", SHA2[0]);
        sign("refused/p256-ecdsa-sha1", "p256", DSIG_MORE + "ecdsa-sha1", SHA2[0]);
        sign("refused/rsa3072-digest-sha1", "rsa3072", DSIG_2007 + "sha256-rsa-MGF1", SHA1);
        report("sign refused/p256-inclusive", () -> {
            Document document = template();
            sign(document, "p256", DSIG_MORE + "ecdsa-sha256", SHA2[0], Canonicalizer.ALGO_ID_C14N_OMIT_COMMENTS, "_r");
            save("santuario/refused/p256-inclusive.xml", document);
        });
        report("sign refused/p256-with-comments", () -> {
            Document document = template();
            sign(document, "p256", DSIG_MORE + "ecdsa-sha256", SHA2[0], Canonicalizer.ALGO_ID_C14N_EXCL_WITH_COMMENTS, "_r");
            save("santuario/refused/p256-with-comments.xml", document);
        });
        report("sign refused/p256-two-references", () -> {
            Document document = template();
            sign(document, "p256", DSIG_MORE + "ecdsa-sha256", SHA2[0], EXCLUSIVE, "_r", "_r");
            save("santuario/refused/p256-two-references.xml", document);
        });
        report("sign refused/p256-whole-document", () -> {
            Document document = template();
            sign(document, "p256", DSIG_MORE + "ecdsa-sha256", SHA2[0], EXCLUSIVE, "");
            save("santuario/refused/p256-whole-document.xml", document);
        });
        encrypt("refused/rsa3072-transport-pkcs1", XMLCipher.RSA_v1dot5, null, null, XENC11 + "aes256-gcm", false);
        encrypt("refused/rsa3072-transport-mgf1p", XMLCipher.RSA_OAEP, SHA2[0], null, XENC11 + "aes256-gcm", false);
        encrypt("refused/rsa3072-transport-sha1", OAEP, SHA1, "mgf1sha256", XENC11 + "aes256-gcm", false);
        encrypt("refused/rsa3072-mgf1-sha1", OAEP, SHA2[0], "mgf1sha1", XENC11 + "aes256-gcm", false);
        encrypt("refused/rsa3072-content-cbc", OAEP, SHA2[0], "mgf1sha256", XENC + "aes256-cbc", false);
    }

    static void sign(String name, String key, String algorithm, String digest) {
        report("sign " + name, () -> {
            Document document = template();
            sign(document, key, algorithm, digest);
            save("santuario/" + name + ".xml", document);
        });
    }

    static XMLSignature sign(Document document, String key, String algorithm, String digest) throws Exception {
        return sign(document, key, algorithm, digest, EXCLUSIVE, document.getDocumentElement().getAttribute("ID"));
    }

    static XMLSignature sign(Document document, String key, String algorithm, String digest, String canonicalization, String... references)
            throws Exception {
        Element root = document.getDocumentElement();
        root.setIdAttribute("ID", true);
        XMLSignature signature = new XMLSignature(document, "", algorithm, EXCLUSIVE);
        root.insertBefore(signature.getElement(), childElements(root).get(0).getNextSibling());
        for (String reference : references) {
            Transforms transforms = new Transforms(document);
            transforms.addTransform(Transforms.TRANSFORM_ENVELOPED_SIGNATURE);
            transforms.addTransform(canonicalization);
            if (key.endsWith("384") || key.endsWith("4096")) {
                transforms.item(1).getElement().appendChild(new InclusiveNamespaces(document, "xsd #default unknown").getElement());
            }
            signature.addDocument(reference.isEmpty() ? "" : "#" + reference, transforms, digest);
        }
        signature.addKeyInfo(certificate(key));
        signature.sign(privateKey(key));
        return signature;
    }

    /** A quarter of Santuario's P-521 signatures have 130 octets instead of 132: one is needed. */
    static void shortP521() {
        report("sign p521-short", () -> {
            for (int tries = 0; tries < 200; tries++) {
                Document document = template();
                if (sign(document, "p521", DSIG_MORE + "ecdsa-sha512", SHA2[2]).getSignatureValue().length == 130) {
                    save("santuario/signed/p521-short.xml", document);
                    return;
                }
            }
            require(false, "no value of 130 octets in 200 signatures");
        });
    }

    static void encrypt(String name, String transport, String digest, String mgf, String content, boolean sibling) {
        report("encrypt " + name, () -> {
            Document document = template();
            Element wrapper = document.createElementNS(SAML2, "saml2:EncryptedAssertion");
            // Santuario signs the tree as it is: a declaration that only the serialiser would add is not signed.
            wrapper.setAttributeNS("http://www.w3.org/2000/xmlns/", "xmlns:saml2", SAML2);
            document.getDocumentElement().appendChild(wrapper);
            Element plain = (Element) document.importNode(
                parse(Files.readAllBytes(folder.resolve("plain.xml"))).getDocumentElement(), true);
            wrapper.appendChild(plain);

            KeyGenerator generator = KeyGenerator.getInstance("AES");
            generator.init(Integer.parseInt(content.replaceAll(".*#aes(...)-.*", "$1")), new SecureRandom());
            Key contentKey = generator.generateKey();
            boolean agreement = EC.contains(keyOf(name));
            KeyPair ephemeral = agreement ? ephemeral(publicKey(keyOf(name))) : null;
            XMLCipher keyCipher = agreement ? XMLCipher.getInstance(transport) : XMLCipher.getInstance(transport, null, digest);
            keyCipher.init(XMLCipher.WRAP_MODE, agreement
                ? agree(ephemeral.getPrivate(), publicKey(keyOf(name)), digest, transport, "0000", "0000", "0000")
                : publicKey(keyOf(name)));
            EncryptedKey encryptedKey = keyCipher.encryptKey(document, contentKey, mgf == null ? null : XENC11 + mgf, null);
            if (agreement) {
                KeyInfo how = new KeyInfo(document);
                how.addUnknownElement(agreementMethod(document, ephemeral.getPublic(), digest));
                encryptedKey.setKeyInfo(how);
            }
            XMLCipher cipher = XMLCipher.getInstance(content);
            cipher.init(XMLCipher.ENCRYPT_MODE, contentKey);
            KeyInfo keyInfo = new KeyInfo(document);
            if (sibling) {
                encryptedKey.setId("_key");
                keyInfo.addRetrievalMethod("#_key", null, XENC + "EncryptedKey");
            } else {
                keyInfo.add(encryptedKey);
            }
            cipher.getEncryptedData().setKeyInfo(keyInfo);
            cipher.doFinal(document, plain, false);
            if (sibling) {
                wrapper.appendChild(keyCipher.martial(document, encryptedKey));
            }
            sign(document, "rsa3072", DSIG_2007 + "sha256-rsa-MGF1", SHA2[0]);
            save("santuario/" + name + ".xml", document);
        });
    }

    static KeyPair ephemeral(PublicKey recipient) throws Exception {
        KeyPairGenerator generator = KeyPairGenerator.getInstance("EC", "BC");
        generator.initialize(((BCECPublicKey) recipient).getParameters());
        return generator.generateKeyPair();
    }

    static Element agreementMethod(Document document, PublicKey originator, String digest) throws Exception {
        String curve = SubjectPublicKeyInfo.getInstance(originator.getEncoded()).getAlgorithm().getParameters().toString();
        String point = Base64.getEncoder().encodeToString(((BCECPublicKey) originator).getQ().getEncoded(false));
        String text = "<xenc:AgreementMethod xmlns:xenc='" + XENC + "' Algorithm='" + XENC11 + "ECDH-ES'>"
            + "<xenc11:KeyDerivationMethod xmlns:xenc11='" + XENC11 + "' Algorithm='" + XENC11 + "ConcatKDF'>"
            + "<xenc11:ConcatKDFParams AlgorithmID='0000' PartyUInfo='0000' PartyVInfo='0000'>"
            + "<ds:DigestMethod xmlns:ds='" + DSIG + "' Algorithm='" + digest + "'/></xenc11:ConcatKDFParams></xenc11:KeyDerivationMethod>"
            + "<xenc:OriginatorKeyInfo><ds:KeyValue xmlns:ds='" + DSIG + "'><dsig11:ECKeyValue xmlns:dsig11='" + DSIG11 + "'>"
            + "<dsig11:NamedCurve URI='urn:oid:" + curve + "'/><dsig11:PublicKey>" + point + "</dsig11:PublicKey>"
            + "</dsig11:ECKeyValue></ds:KeyValue></xenc:OriginatorKeyInfo></xenc:AgreementMethod>";
        return (Element) document.importNode(parse(text.getBytes(StandardCharsets.UTF_8)).getDocumentElement(), true);
    }

    static Document template() throws Exception {
        return parse(Files.readAllBytes(folder.resolve("template.xml")));
    }

    // Canonicalisation of a pack of documents: per document the subtree of the element with the attribute
    // apex="", plain and with the header's prefix list.

    static void canonicalize(Path from, Path to) throws Exception {
        try (DataInputStream in = new DataInputStream(new java.io.BufferedInputStream(new FileInputStream(from.toFile())));
             OutputStream out = new java.io.BufferedOutputStream(Files.newOutputStream(to))) {
            for (String header = line(in); header != null; header = line(in)) {
                String[] words = header.split(" ", 2);
                byte[] text = in.readNBytes(Integer.parseInt(words[0]));
                line(in);
                Element apex = apex(parse(text).getDocumentElement());
                frame(out, Canonicalizer.getInstance(EXCLUSIVE).canonicalizeSubtree(apex));
                frame(out, Canonicalizer.getInstance(EXCLUSIVE).canonicalizeSubtree(apex, words[1]));
            }
        }
    }

    static Element apex(Element element) {
        if (element.hasAttributeNS(null, "apex")) {
            return element;
        }
        for (Element child : childElements(element)) {
            Element found = apex(child);
            if (found != null) {
                return found;
            }
        }
        return null;
    }

    static String line(DataInputStream in) throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        for (int octet = in.read(); octet != '\n'; octet = in.read()) {
            if (octet < 0) {
                return null;
            }
            line.write(octet);
        }
        return line.toString(StandardCharsets.UTF_8);
    }

    static void frame(OutputStream out, byte[] octets) throws IOException {
        out.write((octets.length + "\n").getBytes(StandardCharsets.UTF_8));
        out.write(octets);
        out.write('\n');
    }

    static byte[] exclusive(Element element) throws Exception {
        return Canonicalizer.getInstance(EXCLUSIVE).canonicalizeSubtree(element);
    }

    // Files and keys.

    static List<String> list(String name) throws IOException {
        try (var files = Files.list(folder.resolve(name))) {
            return files.map(path -> path.getFileName().toString()).filter(file -> file.endsWith(".xml"))
                .sorted().collect(Collectors.toList());
        }
    }

    /** A file's name, after its folder, begins with the name of its key. */
    static String keyOf(String file) {
        return file.substring(file.indexOf('/') + 1).split("-")[0];
    }

    static X509Certificate certificate(String key) throws Exception {
        try (var in = Files.newInputStream(folder.resolve("keys/" + key + ".crt.pem"))) {
            return (X509Certificate) CertificateFactory.getInstance("X.509", "BC").generateCertificate(in);
        }
    }

    static PublicKey publicKey(String key) throws Exception {
        return certificate(key).getPublicKey();
    }

    static PrivateKey privateKey(String key) throws Exception {
        String pem = Files.readString(folder.resolve("keys/" + key + ".key.pem"));
        byte[] der = Base64.getMimeDecoder().decode(pem.replaceAll("-----[A-Z ]+-----", ""));
        return KeyFactory.getInstance(key.startsWith("rsa") ? "RSA" : "EC", "BC").generatePrivate(new PKCS8EncodedKeySpec(der));
    }

    static Document parse(byte[] octets) throws Exception {
        DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        factory.setNamespaceAware(true);
        return factory.newDocumentBuilder().parse(new ByteArrayInputStream(octets));
    }

    static void save(String name, Document document) throws Exception {
        Files.createDirectories(folder.resolve(name).getParent());
        Transformer transformer = TransformerFactory.newInstance().newTransformer();
        transformer.setOutputProperty(OutputKeys.ENCODING, "UTF-8");
        try (OutputStream out = Files.newOutputStream(folder.resolve(name))) {
            transformer.transform(new DOMSource(document), new StreamResult(out));
        }
    }

    static List<Element> childElements(Element parent) {
        NodeList nodes = parent.getChildNodes();
        return IntStream.range(0, nodes.getLength()).mapToObj(nodes::item)
            .filter(node -> node.getNodeType() == Node.ELEMENT_NODE).map(Element.class::cast).collect(Collectors.toList());
    }

    interface Case {
        void run() throws Exception;
    }

    static void report(String name, Case test) {
        try {
            test.run();
            System.out.println("ok " + name);
        } catch (Exception | AssertionError refused) {
            failed++;
            System.out.println("FAILED " + name + ": " + refused);
        }
    }

    static void require(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }
}
