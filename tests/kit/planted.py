"""Two hundred pieces of personal data, each in a sentence as customers and agents write them."""

from typing import NamedTuple


class Planted(NamedTuple):
    """A sentence, and the part of it that nobody else may read."""

    sentence: str
    private: str


def _planted(sentences: str) -> list[Planted]:
    """`[[…]]` is the private part of each line; `\\n` a line break."""
    found = []
    for line in sentences.strip().splitlines():
        text = line.strip().replace("\\n", "\n").replace("\\u00a0", "\u00a0")
        text = text.replace("\\u202f", "\u202f")
        before, _, rest = text.partition("[[")
        private, _, after = rest.partition("]]")
        found.append(Planted(before + private + after, private))
    return found


NAMES = _planted(
    r"""
    Bonjour, c'est Mme [[Lefèvre]] du service paie.
    J'ai eu M. [[Dupont]] au téléphone.
    Le poste de Mme [[LE GOFF]] ne démarre plus.
    Monsieur [[Jean-Pierre Delacroix]] a signalé le même problème.
    Mlle [[Zoé d'Arcy]] n'a plus accès au logiciel.
    Voir avec Madame [[de La Tour]] pour la suite.
    Le Dr [[Benhamou]] ne peut plus signer.
    Maître [[Roquebrune]] attend le document.
    mme [[lefevre]] dit que ça marche chez elle.
    Je m'appelle [[Oumar Diallo]] et je débute.
    Je suis [[Marie Lefèvre]], comptable.
    Nom : [[Traoré]]
    Prénom : [[Aïssatou]]
    Nom et prénom : [[Perrin Nathalie]]
    Contact : [[Sophie Marchand]]
    Demandeur : [[Karim Belkacem]]
    Bonjour [[Marie]],\nl'export échoue.
    Bonjour [[Guilhem]] !
    Merci [[Paul]], c'est bon.
    Chère [[Nathalie]], voici le fichier.
    Rien ne change.\nCordialement,\n[[Marie Lefèvre]]
    Rien ne change.\nBien cordialement\n\n[[Élodie Quéméneur]] - Responsable paie
    C'est réglé.\nBien à vous,\n[[Ngoc Anh Trân]]
    Merci d'avance\n[[LEFÈVRE Marie]]
    Cdlt\n[[marie lefèvre]]
    Ma collègue [[Perrine Kerbrat]] a le même message.
    J'ai demandé à [[Nathalie]] de réessayer.
    Selon [[Jean-Baptiste Poquelin]], le fichier était vide.
    Le compte de [[DURAND Julie]] est bloqué.
    [[Julie DURAND]] n'a pas reçu le code.
    Le dossier de [[François-Xavier]] a disparu.
    Voyez avec [[J. Dupont]] au siège.
    L'écran de [[Mohamed]] reste noir.
    Appelez [[Lefèvre]] demain.
    L'administrateur, [[Yannick Le Bihan]], a redémarré le serveur.
    Validé par [[Fatoumata Coulibaly]] hier.
    Mr [[Kowalczyk]] est en congé.
    Hello [[John]],\nit fails again.
    Hi [[Priya]], thanks for the answer.
    Dear [[Deborah]],
    My name is [[Siobhan O'Neill]].
    This is [[Jane Doe]] from accounting.
    Mrs [[Thatcher]] cannot sign in.
    Ask Mr. [[Van der Berg]] about it.
    Ms [[McDonald]] saw the same screen.
    Dr. [[Watson]] needs access.
    It works now.\nKind regards,\n[[Emily Clarke]]
    It works now.\nThanks,\n[[Tom]]
    Best,\n[[William Ashworth]]\nHead of payroll
    Full name: [[Robert Paulson]]
    Name: [[Agnieszka Nowak]]
    My colleague [[Brandon]] tried too.
    [[Jessica]]'s account is locked.
    We asked [[Christopher Robinson]] to restart it.
    The invoice of [[Nguyen Thi Lan]] is missing.
    """
)
MAILS = _planted(
    r"""
    Écrivez à [[marie.lefevre@orange.fr]] svp.
    Compte : [[m.lefevre+test@acme.co.uk]]
    Adresse <[[jdupont@mairie-lyon.fr]]> refusée
    Envoyer à [[MARIE.LEFEVRE@GMAIL.COM]]
    cc [[paul_martin@sous.domaine.example.org]], merci
    mailto:[[contact-paie@cabinet-durand.eu]]
    [[jean.dupont [at] free.fr]] est la bonne adresse
    [[jean.dupont(at)free.fr]] ne marche plus
    Mail [[anne-sophie.o'brien@laposte.net]].
    l'utilisateur [[élodie@société.fr]] est inconnu
    Please use [[john_smith99@yahoo.com]]
    From: "JS" <[[j.smith@corp.example.com]]>
    the user [[svc%backup@internal.local]] is refused
    reach me: [[jane@doe.io]]
    to=[[a@b.co]];
    [[john.smith at gmail dot com]] is mine
    """
)
PHONES = _planted(
    r"""
    Appelez-moi au [[06 12 34 56 78]].
    Mobile : [[0612345678]]
    Port. [[06.12.34.56.78]] merci
    Tél : [[06-12-34-56-78]]
    Mon numéro : [[+33 6 12 34 56 78]]
    Mon numéro : [[+33612345678]]
    Mon numéro : [[+33 (0)6 12 34 56 78]]
    Mon numéro : [[+33(0)612345678]]
    Mon numéro : [[0033 6 12 34 56 78]]
    Mon numéro : [[0033612345678]]
    Fixe [[01 42 68 53 00]] le matin
    Fixe [[04.78.62.11.09]] poste 214
    Standard [[0 820 123 456]]
    Numéro [[07 81 22 33 44]], après 18 h
    Numéro [[06/12/34/56/78]]
    Numéro [[06\u00a012\u202f34\u00a056\u00a078]]
    Numéro [[06  12  34  56  78]]
    Numéro [[06 123 456 78]]
    Belgique [[+32 475 12 34 56]]
    Suisse [[+41 79 123 45 67]]
    Maroc [[+212 6 61 23 45 67]]
    joignable au [[12 34 56 78]]
    call me on [[07911 123456]]
    My cell is [[+44 7911 123456]].
    Landline [[020 7946 0018]]
    Office [[(020) 7946 0018]]
    Office [[+44 (0)20 7946 0018]]
    US office [[(555) 123-4567]]
    US office [[555-123-4567]]
    US office [[+1 555 123 4567]]
    US office [[+1 (555) 123-4567 ext. 12]]
    Germany [[+49 1512 3456789]]
    Phone: [[555 0199 22]]
    """
)
BANKS = _planted(
    r"""
    IBAN [[FR76 3000 6000 0112 3456 7890 189]]
    IBAN [[FR7630006000011234567890189]]
    le compte [[DE89 3704 0044 0532 0130 00]] est refusé
    [[GB29 NWBK 6016 1331 9268 19]] was rejected
    compte [[BE68 5390 0754 7034]].
    virement vers [[CH93 0076 2011 6238 5295 7]] en échec
    IBAN : [[FR14 2004 1010 0505 0001 3M02 606]]
    IBAN: [[fr76-3000-6000-0112-3456-7890-189]]
    IBAN [[FR76 3000 6000 0112 3456 7890 188]]
    [[ES91 2100 0418 4502 0005 1332]] est faux
    RIB [[30006 00001 12345678901 89]]
    BIC : [[AGRIFRPP882]]
    SWIFT [[DEUTDEFF]]
    Account number: [[12345678]]
    Sort code [[20-00-00]]
    carte [[4970 1012 3456 7890]] refusée
    card [[5105 1051 0510 5100]] declined
    card [[378282246310005]] declined
    NIR [[2 85 05 78 006 084 91]]
    n° sécu [[285057800608491]]
    NI number [[AB 12 34 56 C]]
    Née le [[12/03/1980]] à Lyon
    date of birth: [[12 March 1980]]
    """
)
ADDRESSES = _planted(
    r"""
    J'habite [[12 bis rue des Lilas, 69003 Lyon]].
    Livrer au [[3, avenue du Général de Gaulle, 75014 Paris]]
    Siège : [[45 boulevard Jean Jaurès 92100 Boulogne-Billancourt]]
    Adresse : [[8 impasse des Acacias\n31200 Toulouse]]
    [[1 place de l'Hôtel de Ville, 44000 Nantes Cedex 1]]
    Envoyez au [[27 ter, chemin du Moulin Brûlé, Bât. C, 13100 Aix-en-Provence]]
    au [[14 quai Rambaud]] depuis lundi
    [[5 allée des Peupliers, 59650 Villeneuve-d'Ascq]], merci
    site du [[112 route de Vannes]]
    Résidence\n[[2 r. Pasteur, 35000 Rennes]]
    Courrier : [[BP 40512, 38000 Grenoble Cedex 9]]
    J'habite [[4 rue des lilas]] au fond.
    J'habite à [[69003 Lyon]].
    Mairie\n[[33700 Mérignac]]
    Send it to [[221B Baker Street, London NW1 6XE]]
    I live at [[10 Downing Street, London SW1A 2AA]].
    Ship to [[742 Evergreen Terrace, Springfield, IL 62704]]
    Office: [[1600 Pennsylvania Avenue NW, Washington, DC 20500]]
    we moved to [[15 King Edward Road]]
    [[Flat 4, 27 Park Lane, Manchester M1 4BT]]
    [[PO Box 1234]] is our address
    """
)
NETWORKS = _planted(
    r"""
    Le serveur [[192.168.1.12]] ne répond pas.
    depuis [[81.56.123.45]], refusé
    ping [[10.0.0.5]]:8080
    http://[[172.16.4.20]]/admin
    réseau [[10.20.0.0]]/16
    Adresse [[2001:db8:85a3::8a2e:370:7334]]
    adresse [[fe80::1ff:fe23:4567:890a%eth0]]
    [[2a01:e0a:1c:5b20:3c4d:5e6f:7a8b:9c0d]] bloquée
    MAC [[00:1B:44:11:3A:B7]]
    MAC [[00-1b-44-11-3a-b7]]
    [12:00] client=[[93.184.216.34]] GET /
    from [[2001:db8::42]] to port 80
    """
)
SECRETS = _planted(
    r"""
    Mon mot de passe est [[Soleil2024!]]
    mot de passe : [[azerty]]
    mdp: [[Tr0ub4dor&3]]
    Mot de passe provisoire : [[Bienvenue-42]]
    mdp=[[toto1234]];
    password: [[hunter2]]
    my password is [[S3cret!pass]]
    pwd = "[[correct horse]]"
    User Id=sa;Password=[[P@ssw0rd]];Database=paie
    https://[[admin:s3cr3t]]@git.acme.fr/depot.git
    Authorization: Bearer [[eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmN]]
    jeton [[eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9.]]
    Authorization: Basic [[YWxpY2U6c2VjcmV0]]
    api_key=[[9f8e7d6c5b4a39281706f5e4d3c2b1a0]]
    X-Api-Key: [[a1B2c3D4e5F6g7H8]]
    AWS [[AKIAJ7Q2ZKX4M5N6P7R8]]
    aws_secret_access_key = [[wJalrXUtnFEMI/K7MDENG/bPxRfiCYz8sK3yL1]]
    [[ghp_0a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R]] in the log
    [[glpat-XyZ12aBcDeFgHiJkLmNo]]
    [[xoxb-123456789012-abcdefGHIJKL]]
    [[sk_live_51H8abcDEFghiJKLmnoPQRst]]
    [[AIzaSyA-1234567890abcdefGHIJKLMNOPQRSTU]]
    clé API : [[k7Gh2-99xPq]]
    token=[[deadbeef1234]]&x=1
    curl --password [[opensesame]] https://x
    code de vérification : [[482 913]]
    code PIN [[4821]]
    login : [[jdupont]]
    identifiant: [[m.lefevre]]
    User: [[ACME\jsmith]]
    C:\Users\[[mlefevre]]\AppData\Local
    /home/[[jsmith]]/export.csv
    session [[q8Zr4Kx1Vb7Lm2Nc9Pd5Tf3Wg6Yh0Js]] expirée
    sha [[5f4dcc3b5aa765d61d8327deb882cf99]]
    -----BEGIN RSA PRIVATE KEY-----\n[[MIIEpAIBAAKCAQEA7bq]]\n-----END RSA PRIVATE KEY-----
    ssh-ed25519 [[AAAAC3NzaC1lZDI1NTE5AAAAIJ3kT]] poste
    Set-Cookie: session=[[abc123def456]]; Path=/
    Licence : [[ABCD-1234-EFGH-5678]]
    client_secret: [[n0t-s0-s3cret]]
    le jeton est [[ab12cd34]]
    your verification code is [[482913]]
    """
)
PLANTED = [*NAMES, *MAILS, *PHONES, *BANKS, *ADDRESSES, *NETWORKS, *SECRETS]
