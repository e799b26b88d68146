"""Fixed shapes of vendors' tokens, as data: what a token begins with, what it is made of, how long it is at least.

The least length is well under the real one, since a log line may be cut in the middle of a token. The
shapes are facts from the vendors' documentation, compared with the rules of gitleaks (MIT, © Zachary Rice).
"""

from kintsugi.telemetry import lazy_re as re

# Prefixes that hardly any other word contains; what follows in the alphabet is the token.
PREFIXES: dict[str, str] = {
    "alnum": """
        ghp_ gho_ ghu_ ghr_ CCIPAT_ bkua_ bkat_ bkaj_ squ_ sqp_ sqa_ ATBB ATTA rdme_ packagist_out_
        packagist_ack_ ico- napi_ vcp_ vci_ vca_ vcr_ vck_ rnd_
        sbp_ xau_ EZAK EZTK ak_live_ ak_test_ flb_live_ shippo_live_
        shippo_test_ NRAK- NRRA- NRAA- NRJS- cal_live_ BBFF- aio_ odt_ dbtc_ dbtu_ hcaik_ hcbik_
        hcxik_ hcamk_ hclik_ gb_api_ ntn_ LTAI AKID sm_pat_ sm_aat_ sm_sat_ oy2 dop_v1_ doo_v1_ dor_v1_ shpat_
        shpca_ shppa_ shpss_ shpua_ shptka_ shpuat_ upsk_ rubygems_ CLOJARS_ AKCp cmVmd fc- nf- fw_ gsk_
        tvly- csk- rpa_ e2b_ llx- crsr_ pnu_ pnb_ lip_ rk_prod_ pul- fwk_ lin_api_ lin_oauth_
        pplx- alcht_ sntryu_ sntrya_ sntryi_ slk_ sgd_ ddapp_ ddpat_ CCDB1_
        xnd_production_ xnd_development_
    """,
    "dash": """
        github_pat_ gldt- glrtr- glcbt- glptt- glft- glimt- glagent- gloas- glsoat- glffct- glwt- GR1348941
        CCIPRJ_ figd_ figo_ figoh_ figor_ lin_wh_ dckr_pat_ dckr_oat_ tk-us- sgp_ PMAK- HRKU-AA ya29. GOCSPX-
        fo1_ tskey- AQVN mdb_sa_sk_ sha256~ akab- nvapi- AIza NRII- NRIQ- glsa_ CFPAT- p8e- pat-na1- pat-na2-
        pat-eu1- pat-ap1- px-api- px-dep- signkey-prod- signkey-test- n8n_api_ sq0atp- sq0csp- FLWSECK-
        FLWSECK_TEST- APP_USR- pdl_live_apikey_ pdl_sdbx_apikey_ pdl_ntfset_ polar_oat_ polar_pat_
        access-sandbox- access-production- access-development- amzn.mws. secret-live- secret-test- xoxb- xoxp-
        xoxa- xoxs- xoxr- xoxo- xoxe- xoxc- xoxe.xoxb- xoxe.xoxp- xapp- xwfp- xkeysib- xsmtpsib- mlsn.
        os_v2_app_ os_v2_org_ sec-c- syt_ APA91b sk-ant- sk-proj- sk-svcacct- sk-admin- sk-or-v1- sk-lf-
        api_org_ pcsk_ xai- lsv2_pt_ lsv2_sk_ oa2-client-secret_ pypi-AgEI pypi-AgEN zpka_ pylf_v1_ waka_
        tgp_v1_ jina_ wandb_v1_ sb_secret_ sk_prod_ sk_dev_ nyk_ sk-do- sk-helicone- tvly-dev- unstr- r8_ HRKU-
        vercel_blob_rw_ sbp_v0_ gitpod_pat_ xaat- xapt- 0x4AAAAAAA amzn1.oa2-cs.v1. IGQV IGAA
        secret_user_ sk_live_ sk_test_ rk_live_ rk_test_ apify_api_ shltm_ nfp_ nfo_ nfc_ nfu_ nfb_ FLWPUBK-
        FLWPUBK_TEST- pub-c- sub-c- phx_ phs_ pubkey- figu_ figuh_ figur_ figr_ figh_ rh-api- pk-lf- thog-key-
        salad_cloud_ ramp_id_ sqco_ rootly_ NRBR- endr+ samsara_api_ sindri_ ovsxat_ JDC_ essu_ AIK_CI_ AIK_CLIENT_
        AIK_RUNTIME_ mercury_production_ mercury_sandbox_ Mid-server- bce-v3/ALTAK- snyk_uat. cfxk_ fhb-
        cfut_ cfat_ cfk_ CfDJ8 django-insecure-
    """,
    "dot": """
        dp.pt. dp.st. dp.ct. dp.sa. dp.scim. dp.audit. st.dev. st.prod. dt0c01. dt0s01. dt0s02. dt0s08.
        dt0s16. dt0a01. SG. ghs_ glpat- glrt- pscale_tkn_ pscale_pw_ pscale_oauth_ duffel_live_ duffel_test_
        fio-u- tfp_ dnkey- hvs. hvb. hvr. s-s4t2ud- s-s4t2af- ATATT3 ATCTT3 ATSTT3 ory_at_ ory_rt_ ory_pat_
        ory_st_
    """,
    "base64": """
        ops_eyJ fm1r_ fm1a_ fm2_ ABSK bedrock-api-key- sntrys_ AGE-SECRET-KEY-1 glc_ dG9rOj dG9rOm pdus+ whsec_
        figp_ IQoJb3JpZ2lu FwoGZXIvYXdz AQoDYXdz Atza| Atzr| aivenv1 En0KEwoE ptr_
    """,
}

ALPHABETS = {
    "alnum": r"[0-9A-Za-z]{%d,300}(?:_[0-9A-Za-z]{6,200}){0,3}",
    "dash": r"[0-9A-Za-z_-]{%d,300}",
    "dot": r"(?=[0-9A-Za-z_.=-]{%d})[0-9A-Za-z_=-]{0,600}(?:\.[0-9A-Za-z_=-]{1,900}){0,5}",
    "base64": r"[0-9A-Za-z+/=_-]{%d,4000}",
}

# Where a shape begins with a run of unknown length before its literal: of words and dashes, of base64, of digits, or
# of words with dots between them.
REACH = -1_000
REACH_BASE64 = -1_001
REACH_DIGITS = -1_002
REACH_DOTS = -1_003

REACH_LINE = -1_004
# Needs a prefix that might be part of another word: as long as tokens are, and mixed.
_MIXED = r"(?=[A-Za-z_-]{0,60}\d|[a-z_-]{0,20}[A-Z])(?=[\d_-]{0,20}[A-Za-z])[\w-]{20,300}(?![\w-])"

_UUID = r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}(?![0-9A-Za-z])"

_OF_MAPS = (
    r"(?=[A-Za-z.-]{0,30}\d)(?:[\w-]{32}(?![\w.-])|[\w.-]{80,240})"
    r"|(?=[A-Za-z+/=-]{0,30}\d)[\w+/=-]{32,128}\.[\w+/=-]{20,30}(?![\w+/=-])"
)

# Whole shapes, each by the lower-case literal that leads to it and where the shape begins before that literal.
# A group called `secret` is the part to mask where it is not all of the match.
SHAPES: tuple[tuple[str, int, str], ...] = (
    ("eyj", 0, r"eyJ(?:pdiI6|rIjoi)[\w+/=-]{40,8000}|eyJ[\w=-]{8,4000}(?:\.[\w=-]{4,8000}){1,4}|eyJ[\w=-]{40,8000}\.?"),
    ("akia", 0, r"AKIA[0-9A-Z]{12,16}(?P<pair>[\s:,;/|\"']{1,4}(?=[\w+/]{0,39}\d)[A-Za-z0-9+/]{40}(?![\w+/]))?"),
    ("a3t", 0, r"A3T[A-Z0-9](?=[A-Z]{0,15}\d)[0-9A-Z]{12,16}"),
    ("asia", 0, r"ASIA(?:(?=[A-Z]{0,15}\d)[0-9A-Z]{12,16}|[A-Z]{16}(?![0-9A-Za-z]))"),
    ("abia", 0, r"ABIA(?=[A-Z]{0,15}\d)[0-9A-Z]{12,16}"),
    ("acca", 0, r"ACCA(?=[A-Z]{0,15}\d)[0-9A-Z]{12,16}"),
    ("sk-", 0, r"sk-(?=[\w-]{0,60}\d)(?=[\w-]{0,60}[A-Za-z])(?:[a-z]{2,10}-)?[A-Za-z0-9_]{16,300}[\w-]{0,300}"),
    ("t3blbkfj", REACH, r"[\w-]{10,90}?T3BlbkFJ[\w-]{0,100}|[\w-]{0,9}T3BlbkFJ[\w-]{10,100}"),
    ("key-", 0, r"key-(?=[A-Za-z]{0,31}\d)(?:[0-9a-z]{20,48}|[0-9A-Za-z]{64})(?![0-9A-Za-z])"),
    (".ey", REACH, r"ey[A-Za-z0-9_-]{15,600}\.ey[\w/-]{15,4000}(?:\.[\w=/-]{4,1000}){0,4}"),
    ("akc", 0, r"AKC(?=[A-Za-z]{0,60}\d)[A-Za-z0-9]{50,90}(?![0-9A-Za-z])"),
    ("na1.", 0, r"(?:na1)\.(?=[A-Za-z+/]{0,80}\d)[A-Za-z0-9+/]{40,120}={0,2}"),
    ("eu1.", 0, r"(?:eu1)\.(?=[A-Za-z+/]{0,80}\d)[A-Za-z0-9+/]{40,120}={0,2}"),
    ("tkn.v1_", 0, r"tkn\.v1_[0-9A-Za-z]{20,80}=?"),
    ("v2/", 0, r"v2/(?=[A-Za-z]{0,60}\d)[0-9A-Za-z]{100,500}"),
    ("api_", 0, r"api_(?=[A-Za-z.]{0,44}\d)(?:[A-Za-z0-9]{20,24}\.[A-Za-z0-9]{20,24}|[A-Za-z0-9.]{45})(?![\w.]\w)"),
    ("api_org_", 0, r"api_org_[A-Za-z]{30,40}(?![0-9A-Za-z_])"),
    ("dt0", 0, r"dt0[a-zA-Z]\d\d\.[A-Z0-9]{20,32}\.[A-Z0-9]{40,100}"),
    ("_gitlab_session=", 0, r"_gitlab_session=(?P<secret>[0-9a-z]{16,64})"),
    ("$krb5", 0, r"\$krb5(?:asrep|tgs|pa)\$\d{1,2}\$[^\s'\"`]{24,8000}"),
    ("xoxd-", 0, r"xoxd-(?=[\w+/-]{0,40}[\d%])[\w%+/=-]{16,400}"),
    ("u+", 0, r"u\+(?=[A-Za-z_-]{0,17}\d)(?=[a-z\d_-]{0,17}[A-Z])(?=[A-Z\d_-]{0,17}[a-z])[\w-]{18}(?![\w+/=-])"),
    ("scw", 0, r"SCW(?=[A-Z]{0,16}\d)[0-9A-Z]{17}(?!\w)"),
    ("xox", 0, r"xox[a-z]\d{0,3}-(?=[a-z-]{0,30}\d)[\w-]{12,300}"),
    ("dk_prod_", 0, r"dk_prod_[0-9A-Z]{20,40}"),
    ("dk_test_", 0, r"dk_test_[0-9A-Z]{20,40}"),
    ("pat.", 0, r"(?:pat)\.[\w-]{22}\.[0-9A-Za-z]{20,24}\.[0-9A-Za-z]{10,20}"),
    ("hawk.", 0, r"hawk\.[\w-]{20}\.[\w-]{10,20}"),
    ("mfa.", 0, r"mfa\.(?=[\w-]{0,100}\d)(?=[\w-]{0,100}[A-Z])[\w-]{20,120}"),
    ("dapi", 0, r"dapi[0-9a-f]{16,32}(?:-\d)?"),
    ("dkea", 0, r"dkea[0-9a-f]{16,32}(?:-\d)?"),
    ("dose", 0, r"dose[0-9a-f]{16,32}(?:-\d)?"),
    ("da2-", 0, r"da2-[a-z0-9]{20,26}(?![0-9A-Za-z])"),
    ("4b1d", 0, r"4b1d(?=[0-9a-f]{0,37}[A-Zg-z])[A-Za-z0-9]{38}(?![0-9A-Za-z])"),
    ("sat.", 0, r"sat\.[\w-]{22}\.[0-9A-Za-z]{20,24}\.[0-9A-Za-z]{10,20}"),
    ("sk", 0, r"SK[0-9a-fA-F]{24,32}(?![0-9A-Za-z])|sk[A-Za-z0-9]{100,200}"),
    (
        "sk_",
        0,
        rf"sk_(?:[A-Za-z0-9]{{1,64}}_){{0,2}}(?:{_UUID}|(?=[A-Za-z]{{0,30}}\d)[A-Za-z0-9]{{24,120}}[\w-]{{0,200}})",
    ),
    (
        "pk_",
        0,
        r"pk_(?:[0-9]{6,9}_[0-9A-Z]{24,32}|(?:[A-Za-z0-9]{6}_)?[0-9a-f]{34}|(?=[a-z]{0,30}\d)[0-9a-z]{45}"
        r"|(?=[A-Za-z]{0,30}\d)(?=[a-z\d]{0,30}[A-Z])[0-9A-Za-z]{34}"
        r"|(?!(?:live|test)_)[A-Za-z0-9]{1,24}_(?=[A-Za-z]{0,27}\d)[A-Za-z0-9]{28})(?![0-9A-Za-z])",
    ),
    ("re_", 0, r"re_[A-Za-z0-9]{7,9}_[A-Za-z0-9]{10,32}(?![0-9A-Za-z])"),
    ("npm_", 0, r"npm_(?=[A-Za-z]{0,40}[0-9A-Z])[A-Za-z0-9]{16,80}"),
    ("hf_", 0, r"hf_(?:(?=[a-z0-9]{0,40}[A-Z])[A-Za-z0-9]{16,80}|[a-z]{34}(?![a-z_]))"),
    ("s.", 0, r"s\.(?=[A-Za-z]{0,24}\d)[A-Za-z0-9]{24}(?![\w.])"),
    ("1//0", 0, r"1//0[\w-]{24,300}"),
    ("4/0a", 0, r"4/0A[\w-]{24,300}"),
    ("zxlk", 0, r"ZXlK[\w+/=]{40,8000}"),
    ("t1.", 0, r"t1\.[\w-]{1,400}={0,2}\.[\w-]{80,90}={0,2}|t1\.[\w-]{5,400}={0,2}\.[\w-]{20,86}={0,2}"),
    ("y0_", 0, r"y[0-4]_[\w-]{32,80}"),
    ("ycaj", 0, r"YC[\w-]{38}"),
    ("sl.", 0, r"sl\.(?:u\.)?(?=[\w-]{0,40}\d)[\w=-]{40,2000}"),
    ("eaa", 0, r"EAA[A-Za-z](?=[A-Za-z_=+-]{0,40}\d)(?:[\w=+-]{60}(?![\w=+-])|[\w-]{20,400})"),
    (":aa", REACH_DIGITS, r"\d{8,10}:AA[\w-]{10,36}"),
    ("-us", -32, r"[0-9a-f]{32}-us\d{1,3}(?![0-9A-Za-z])"),
    ("_mmk", REACH, r"[A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk"),
    ("nral", REACH, r"[0-9A-Za-z]{30,42}NRAL(?![0-9A-Za-z])"),
    ("azdo", -76, r"[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}"),
    ("q~", -4, r"[\w~.-]{3}\dQ~[\w~.-]{20,40}"),
    (".atlasv1.", -14, r"[A-Za-z0-9]{14}\.atlasv1\.[\w=-]{20,80}"),
    ("+ast", REACH_BASE64, r"[A-Za-z0-9+/]{40,82}\+ASt[\w+/=]{0,44}"),
    ("acdb", REACH_BASE64, r"[A-Za-z0-9+/]{60,80}ACDb[\w+/=]{4,12}(?![\w+/])"),
    ("+aba", REACH_BASE64, r"[A-Za-z0-9+/]{60,80}\+ABa[\w+/=]{4,12}(?![\w+/])"),
    ("+asb", REACH_BASE64, r"[A-Za-z0-9+/]{30,40}\+ASb[\w+/=]{4,12}(?![\w+/])"),
    ("+aeh", REACH_BASE64, r"[A-Za-z0-9+/]{30,40}\+AEh[\w+/=]{4,12}(?![\w+/])"),
    ("+arm", REACH_BASE64, r"[A-Za-z0-9+/]{30,40}\+ARm[\w+/=]{4,12}(?![\w+/])"),
    ("aiot", REACH_BASE64, r"[A-Za-z0-9+/]{30,40}AIoT[\w+/=]{4,12}(?![\w+/])"),
    ("+acr", REACH_BASE64, r"[A-Za-z0-9+/]{38,46}\+ACR[\w+/=]{4,12}(?![\w+/])"),
    ("azca", REACH_BASE64, r"[A-Za-z0-9+/]{30,40}AzCa[\w+/=]{4,12}(?![\w+/])"),
    ("apim", REACH_BASE64, r"[A-Za-z0-9+/]{30,40}APIM[\w+/]{4,8}="),
    ("azeg", REACH_BASE64, r"[A-Za-z0-9+/]{30,40}AZEG[\w+/]{4,8}="),
    ("azfu", REACH, r"[\w-]{30,44}AzFu[\w=-]{4,40}"),
    ("azsea", -42, r"[A-Za-z0-9]{42}AzSe[A-D][A-Za-z0-9]{5}"),
    ("jqqj99", REACH, r"[A-Za-z0-9]{30,56}JQQJ99[A-Za-z0-9]{10,40}"),
    ("pve:", 0, r"PVE:[\w.-]{1,40}@\w{1,20}:[0-9A-Fa-f]{8}::(?P<secret>[\w+/=]{40,600})"),
    ("vk1.a.", 0, r"vk1\.a\.[\w-]{60,300}"),
    ("sec", 0, r"SEC[0-9a-f]{64}(?!\w)"),
    ("oauth:", 0, r"oauth:[a-z0-9]{24,40}(?![0-9A-Za-z])"),
    ("wpl_ap", 0, r"WPL_AP\d\.[\w.=+/-]{16,100}"),
    ("a3-", 0, r"A3-[A-Z0-9]{6}-[A-Z0-9]{6}-?[A-Z0-9]{5}-[A-Z0-9]{5}-[A-Z0-9]{5}(?:-[A-Z0-9]{5})?"),
    ("ctio-", 0, r"CTIO-[\w-]{20,60}"),
    ("aaaaaaaaaaaaaaaaaa", 0, r"A{18,24}(?=[\w%]{0,30}\d)[A-Za-z0-9%]{60,120}"),
    (":apa91b", REACH, r"[\w-]{7,30}:APA91b[\w-]{20,200}"),
    ("rg.v1.", 0, r"rg\.v1\.[\w.=+/-]{24,400}"),
    ("tgt-", 0, r"(?:TGT|ST)-\d{1,9}-[\w-]{20,80}"),
    ("v1.0-", 0, r"v1\.0-(?:[0-9a-f]{24}-[0-9a-f]{40,146}|[0-9A-Za-z-]{160,180})"),
    ("flyv1", 0, r"FlyV1 fm\d{1,24}\w?_[\w+/=,-]{20,4000}"),
    ("a21aa", 0, r"A21AA[\w-]{40,120}"),
    ("sk.eyj", 0, r"[st]k\.eyJ[\w=-]{20,400}(?:\.[\w-]{10,40})?"),
    ("tk.eyj", 0, r"tk\.eyJ[\w=-]{20,400}(?:\.[\w-]{10,40})?"),
    ("api-", 0, r"API-[A-Z0-9]{24,32}(?![0-9A-Za-z])"),
    ("xprv", 0, r"xprv[1-9A-HJ-NP-Za-km-z]{60,120}"),
    ("dt.", 0, r"dt\.[A-Za-z0-9]{24}\.[A-Za-z0-9]{40,64}"),
    ("rpa_", 0, r"rpa_[A-Z0-9]{20,60}"),
    ("cio", 0, r"cio(?=[A-Za-z]{0,31}\d)[A-Za-z0-9]{32}(?![0-9A-Za-z])"),
    ("cio_", 0, r"cio_[A-Za-z0-9]{24,40}"),
    ("vf.", 0, r"VF\.(?:(?:DM|WS)\.)?[0-9a-fA-F]{24}\.[A-Za-z0-9]{12,16}"),
    ("pat", 0, r"pat(?=[A-Za-z]{0,13}\d|[a-zA-Z]{0,13}[A-Z])[A-Za-z0-9]{14}\.(?:[0-9a-z]{62,66}|[0-9a-f]{16,64})"),
    ("1000.", 0, r"1000\.[0-9a-f]{32}\.[0-9a-f]{16,32}"),
    *((f"{kind}-", 0, rf"{kind}-(?=[a-z-]{{0,36}}\d)[0-9a-z]{{8}}-(?:[0-9a-z]{{4}}-){{3}}[0-9a-z]{{12}}")
      for kind in ("sdk", "api", "mob")),
    ("md-", 0, r"md-[\w-]{22}(?![\w-])"),
    ("b_", 0, r"b_[A-Za-z0-9+/]{42}[A-Za-z0-9+/=]{2}(?![\w+/=])"),
    ("pa-", 0, r"pa-(?=[\w-]{0,30}\d)[\w-]{40,48}(?![\w-])"),
    ("ak-", 0, r"ak-[A-Za-z0-9]{22}(?![\w-])"),
    ("as-", 0, r"as-[A-Za-z0-9]{22}(?![\w-])"),
    ("ssws ", 0, r"SSWS (?P<secret>00[\w-]{20,60})"),
    (
        "00",
        0,
        r"00[A-Za-z0-9]{13}(?:[A-Za-z0-9]{3})?!(?P<secret>[\w.]{20,120})"
        r"|00(?=[\w-]{0,30}[A-Z])(?=[\w-]{0,30}[a-z])[\w-]{40}(?![\w-])",
    ),
    ("rzp_live_", 0, r"rzp_live_[A-Za-z0-9]{10,20}"),
    ("aact_", 0, r"\$?aact_[\w:=+/-]{20,300}"),
    ("aqe", 0, r"AQE[a-z][\w+/]{30,400}-[\w+/]{20,100}={0,2}-[\w+/<>(){}&@#!?*,.:;^%$~\[\]|-]{8,60}"),
    ("api_live.", 0, r"api_(?:live|sandbox)(?:_\w\w)?\.[\w-]{8,30}\.[\w-]{10,60}"),
    ("ghs_", 0, r"ghs_\d{1,12}_eyJ[\w=.-]{20,2000}"),
    ("ct_", 0, r"ct_[A-Za-z0-9]{40,64}(?![0-9A-Za-z])"),
    (
        ".acc_",
        REACH_DOTS,
        r"(?:sc|ext|scauth|authress)_[a-z0-9]{5,30}\.[a-z0-9]{4,6}\.acc_[a-z0-9-]{10,32}\.[\w+/=-]{20,120}",
    ),
    (
        ".acc-",
        REACH_DOTS,
        r"(?:sc|ext|scauth|authress)_[a-z0-9]{5,30}\.[a-z0-9]{4,6}\.acc-[a-z0-9-]{10,32}\.[\w+/=-]{20,120}",
    ),
    (
        "live_",
        0,
        r"live_(?:\d{8,12}_)?(?:[A-Za-z0-9]{24,45}|(?=[\w-]{0,30}\d)(?=[\w-]{0,30}[A-Z])[\w-]{40}"
        r"|(?=(?:[A-Za-z=_-]{0,20}\d){4})[\w=-]{40,42}|pub_[0-9a-f]{31})(?![0-9A-Za-z])",
    ),
    (
        "test_",
        0,
        r"test_(?:(?=[A-Za-z]{0,30}\d)(?=[a-z0-9]{0,30}[A-Z])(?!(?:[0-9A-Za-z]{0,40}?[A-Z][a-z]{3}){3})[A-Za-z0-9]{24,45}|[0-9a-f]{32,40}|pub_[0-9a-f]{31})"
        r"(?![0-9A-Za-z])",
    ),
    ("eyj0exaioiaivenwmij9", 0, r"eyJ0eXAiOiAiVENWMiJ9\.[\w-]{20,40}\.[\w-]{20,60}"),
    (
        "secret_",
        0,
        r"secret_(?=[A-Za-z]{0,30}\d)"
        r"(?:[A-Za-z0-9]{24,60}|(?=[a-z0-9]{0,15}[A-Z])(?=[A-Z0-9]{0,15}[a-z])[A-Za-z0-9]{16})"
        r"(?![0-9A-Za-z])",
    ),
    ("acc_", 0, r"acc_[a-f0-9]{40,64}"),
    ("ddp_", 0, r"ddp_[A-Za-z0-9]{30,50}"),
    ("1/", 0, r"[12]/\d{14,18}(?:/\d{14,18})?:[0-9a-f]{20,40}"),
    ("2/", 0, r"2/\d{14,18}(?:/\d{14,18})?:[0-9a-f]{20,40}"),
    ("dsn=", 0, r"dsn=(?P<secret>[0-9a-f]{32})(?![0-9A-Za-z])"),
    ("do00", 0, r"DO00[A-Z0-9]{14,18}"),
    (
        "putty-user-key-file",
        0,
        r"PuTTY-User-Key-File-\d[\s\S]{0,2000}?Private-Lines: ?\d+\s+(?P<secret>(?:[\w+/=]{1,76}\s*){1,60})",
    ),
    ("$2", 0, r"\$2[abxy]\$\d\d\$[./A-Za-z0-9]{22,53}"),
    ("$6$", 0, r"\$6\$(?:rounds=\d+\$)?[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{20,86}"),
    ("$5$", 0, r"\$5\$(?:rounds=\d+\$)?[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{20,43}"),
    ("$1$", 0, r"\$(?:1|apr1)\$[./A-Za-z0-9]{1,8}\$[./A-Za-z0-9]{16,22}"),
    ("$apr1$", 0, r"\$apr1\$[./A-Za-z0-9]{1,8}\$[./A-Za-z0-9]{16,22}"),
    # The same where a file of Docker Compose doubles the sign.
    *(
        (
            f"$${kind}$$",
            0,
            rf"\$\${kind}\$\$(?:\w{{1,20}}=?\d{{0,8}}\$\$)?[./A-Za-z0-9]{{1,60}}(?:\$\$[./A-Za-z0-9]{{8,90}})?",
        )
        for kind in ("apr1", "1", "2y", "2a", "2b", "5", "6")
    ),
    ("$argon2", 0, r"\$argon2(?:id|i|d)\$v=\d+\$[a-z0-9=,]{5,40}\$[\w+/=]{8,100}\$[\w+/=]{10,200}"),
    ("$y$", 0, r"\$y\$[./A-Za-z0-9]{1,8}\$[./A-Za-z0-9]{8,90}\$[./A-Za-z0-9]{20,60}"),
    ("$scrypt$", 0, r"\$scrypt\$[a-z0-9=,]{5,40}\$[\w+/=.]{8,100}\$[\w+/=.]{10,200}"),
    ("access_token$", 0, r"access_token\$(?:production|sandbox)\$[0-9a-z]{10,20}(?:\$[0-9a-f]{0,32})?"),
    ("pk_prod_", 0, r"pk_prod_[0-9A-Z]{28}(?![0-9A-Za-z])"),
    ("sess-", 0, r"sess-(?=[A-Za-z]{0,30}\d)(?=[a-z0-9]{0,30}[A-Z])[A-Za-z0-9]{40}(?![0-9A-Za-z])"),
    ("cu_", 0, r"(?<![_-])cu_[0-9a-f]{32}(?![0-9A-Za-z])"),
    ("key", 0, r"KEY(?:0[\dA-Z]{20,34}_[\w-]{16,30}|(?=[A-Za-z_-]{0,54}\d)(?=[\dA-Z_-]{0,54}[a-z])[\w-]{55}(?![\w-]))"),
    ("st.", 0, r"st\.[0-9a-f]{24}\.[0-9a-f]{16,32}(?:\.[0-9a-f]{0,32})?"),
    ("0.", 0, r"0\.[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\.(?P<secret>[A-Za-z0-9]{20,40}:[\w+/=]{16,50})"),
    ("secret-", 0, r"secret-(?=[A-Za-z]{0,40}\d)(?=[a-z0-9]{0,40}[A-Z])[A-Za-z0-9]{40,50}(?![0-9A-Za-z])"),
    ("console-", 0, r"console-(?=[A-Za-z]{0,40}\d)(?=[a-z0-9]{0,40}[A-Z])[A-Za-z0-9]{40,50}(?![0-9A-Za-z])"),
    ("act.", 0, r"act\.(?=[\w-]{0,30}\d)[\w-]{40,100}!\d{4}\.\w\w"),
    ("goog1e", 0, r"GOOG1E[0-9A-Z]{40,60}"),
    ("ak_", 0, r"ak_(?=[\w-]{0,19}\d)(?=[\w-]{0,19}[A-Z])(?=[\w-]{0,19}[a-z])[\w-]{20,40}(?![\w-])"),
    ("sk_", 0, r"sk_(?=[\w-]{0,40}\d)(?=[\w-]{0,40}[A-Z])(?=[\w-]{0,40}[a-z])[\w-]{43}(?![\w-])"),
    ("token-", 0, r"token-[a-z0-9]{5}:(?P<secret>[a-z0-9]{40,60})(?![0-9A-Za-z])"),
    (".eJ", 0, r"\.eJ[\w-]{30,4000}:[0-9A-Za-z]{6}:[\w-]{27,43}"),
    ("o.", 0, r"o\.(?=[A-Za-z]{0,31}\d)(?=[a-z0-9]{0,31}[A-Z])[A-Za-z0-9]{32}(?![\w.])"),
    ("tk_", 0, r"tk_(?=[a-z]{0,28}\d)[a-z0-9]{29}(?![0-9A-Za-z])"),
    ("ser.", 0, r"ser\.(?=[A-Za-z]{0,21}\d)(?=[a-z0-9]{0,21}[A-Z])[A-Za-z0-9]{22}(?![\w.])"),
    ("v^1.1#", 0, r"v\^1\.1#[\w^#+/=.-]{40,4000}"),
    ("xvy2f0aw9u", -6, r"MDA\w{3}xvY2F0aW9u[\w+/=-]{20,4000}"),
    ("es_", 0, r"ES_[0-9a-f]{32}(?![0-9A-Za-z])"),
    (":production.", 0, r":production\.(?P<secret>[0-9a-f]{56})(?![0-9A-Za-z])"),
    (":development.", 0, r":development\.(?P<secret>[0-9a-f]{56})(?![0-9A-Za-z])"),
    ("prod:", 0, r"prod:[a-z]{2,20}-[a-z]{2,20}-\d{1,4}\|(?P<secret>[\w+/=-]{40,400})"),
    *((prefix, 0, rf"(?<![_-]){prefix}{_MIXED}") for prefix in (
        "opk_", "dsp_", "bxt_", "vtwn_", "jca_", "mint_", "rca_", "snd_", "ion_", "retool_", "dvc_server_",
        "dvc_client_", "ramp_sec_", "pina_", "sktsec_", "tss_", "isat_", "mka_", "lmb_", "lma_", "ctp_", "tr_dev_",
        "tr_prod_",
    )),
    *((f"v{number}.{use}.", 0, rf"v{number}\.{use}\.[\w-]{{40,4000}}(?:\.[\w-]{{2,400}})?")
      for number in (1, 2, 3, 4) for use in ("local", "public")),
    ("nsec1", 0, r"nsec1(?=[a-z]{0,40}\d)[a-z0-9]{58}(?![0-9A-Za-z])"),
    ("m0-", 0, r"m0-(?=[A-Za-z]{0,39}\d)(?=[a-z0-9]{0,39}[A-Z])[A-Za-z0-9]{40}(?![0-9A-Za-z])"),
    ("fna", 0, r"fnA[A-Za-z](?=[A-Za-z_-]{0,30}\d)[\w-]{36,40}(?![\w-])"),
    *((f"{kind}k.", 0, rf"{kind}k\.(?:{_OF_MAPS})") for kind in "pst"),
    ("bb_", 0, r"bb_(?:pr|ma)_[0-9a-f]{30}(?![0-9A-Za-z])"),
    ("pri_", 0, r"pri_[0-9a-f]{32}(?![0-9A-Za-z])"),
    ("web_", 0, r"web_(?=[0-9a-f]{0,31}[g-z])(?=[a-z]{0,31}\d)[0-9a-z]{32}(?!\w)"),
    ("act_", 0, r"act_(?=[0-9a-f]{0,23}[g-z])(?=[a-z]{0,23}\d)[0-9a-z]{24}(?!\w)"),
    ("cli_", 0, r"cli_(?=[A-Za-z]{0,15}\d)[0-9A-Za-z]{16}(?!\w)"),
    ("ak1", 0, r"AK1(?=[0-9A-Z/]{0,50}[a-z])[0-9A-Za-z/]{50,55}(?![\w/])"),
    ("api_key", 0, r"API_KEY(?=[A-Z]{0,31}\d)[0-9A-Z]{32}(?!\w)"),
    *((f"{who}-", 0, rf"{who}-(?=[A-Za-z]{{0,19}}\d)(?=[a-z0-9]{{0,19}}[A-Z])[0-9A-Za-z]{{20}}(?![\w-])")
      for who in ("account", "master")),
    ("atatt", 0, r"ATATT[\w+/=-]{20,400}"),
    ("atctt", 0, r"ATCTT[\w+/=-]{20,400}"),
    ("-nrma", REACH, r"(?:AA|eu01xx)[0-9a-f]{36,40}-NRMA(?![0-9A-Za-z])"),
    ("nf-", 0, r"NF-(?=[A-Za-z]{0,31}\d)[0-9A-Za-z]{32}(?!\w)"),
    *((f"{version}.a", 0, rf"{version}\.A(?=[\w-]{{0,40}}\d)[\w-]{{40,600}}(?:\.\d)?(?:\.A[\w-]{{20,2000}}){{0,3}}")
      for version in (0, 1)),
    ("git&", 0, r"git&\d{12}&[\w+/]{40,90}={0,2}"),
    ("3mvg9", 0, r"3MVG9[\w.+/=-]{30,260}"),
    ("5aep861", 0, r"5AEP861[\w.=]{40,260}"),
    ("sq0", 0, r"sq0[a-z]{3}-(?=[a-z_-]{0,13}[\dA-Z])[\w-]{14,50}"),
    ("tt-", -22, r"[0-9A-Za-z]{22}tt-\d{6}-[\w-]{20}(?![\w-])"),
    ("xapp-", 0, r"xapp-(?:\d{1,2}-)?\w{9,14}-[\w+/-]{20,100}"),
    ("==:", REACH_BASE64, r"[\w+/]{22}==:[0-9A-Za-z]{32}(?!\w)"),
    ("_secret_", REACH, r"(?:pi|seti|src)_[0-9A-Za-z]{16,30}_secret_[0-9A-Za-z]{16,40}"),
    ("$8$", 0, r"\$8\$[./0-9A-Za-z]{8,16}\$[./0-9A-Za-z]{36,44}"),
    ("$9$", 0, r"\$9\$[./0-9A-Za-z]{8,16}\$[./0-9A-Za-z]{36,44}"),
    (".v1.", REACH, r"[0-9A-Za-z]{14,40}\.v1\.[\w-]{16,100}\.[0-9a-f]{24,128}"),
    (":thin:", 0, r":thin:[^\s/:@]{1,60}/(?P<secret>[^\s@/'\"]{3,100})@"),
    ("db-", 0, r"db-(?=[A-Za-z]{0,28}\d)(?=[a-z\d]{0,28}[A-Z])[0-9A-Za-z]{29}(?![\w-])"),
    ("mb_", 0, r"mb_[0-9A-Za-z+/]{43}="),
    ("jsn", REACH, r"[0-9a-f]{10}msh[0-9a-f]{15}p1[0-9a-f]{5,6}jsn[0-9a-f]{12}"),
    *((f"key_{digit}", 0, r"(?<![\w-])key_[0-9a-f]{32,64}(?!\w)") for digit in "0123456789abcdef"),
    ("user=u", 0, r"user=(?P<secret>u(?=[a-z]{0,28}\d)[a-z0-9]{29})(?!\w)"),
    ("ngrok", 0, r"ngrok[^\n]{0,80}?\b(?P<secret>[12][A-Za-z0-9]{26}_[A-Za-z0-9]{20,21})(?!\w)"),
    *((f"{{{kind}", 0, r"\{(?:S?SHA|SMD5|MD5)[\d-]{0,4}\}(?P<secret>[\w+/=]{16,200})")
      for kind in ("ssha", "sha", "smd5", "md5")),
    ("routing_key", 0, r"routing_key['\"]?[:=] ?['\"]?(?P<secret>(?=[a-z]{0,30}\d)[0-9a-zR][0-9a-z]{31})(?!\w)"),
    (
        "begin openvpn static key",
        0,
        r"(?i:BEGIN OpenVPN Static key) V\d-{1,5}\s{1,4}(?P<secret>[0-9a-f]{16,64}(?:\s{1,4}[0-9a-f]{16,64}){0,40})",
    ),
    ("{plain}", 0, r"\{PLAIN\}(?P<secret>\S{3,200})"),
    *((hashed, 0, r"\$[PH]\$[./0-9A-Za-z]{31}") for hashed in ("$p$", "$h$")),
    *((seed, 0, r"S[UAO]A[A-Z2-7]{50,56}(?!\w)") for seed in ("sua", "saa", "soa")),
    ("scram-sha-", 0, r"SCRAM-SHA-\d{1,3}\$\d{1,7}:[\w+/=]{8,64}\$[\w+/=]{8,64}:[\w+/=]{8,64}"),
    ("aad3b435b51404ee", 0, r"aad3b435b51404ee[0-9a-f]{16}:(?P<secret>[0-9a-f]{32})(?!\w)"),
    ('"md5', 0, r'"(?P<secret>md5[0-9a-f]{32})"'),
    ("-pbkdf2", 0, r"-pbkdf2(?::\w{3,8})?-(?P<secret>[0-9a-f]{40,128},[0-9a-f]{16,64}),\d{1,7}"),
    ("pbkdf2_sha", 0, r"pbkdf2_sha(?:1|256|512)\$\d+\$[\w]{4,40}\$[\w+/=]{20,100}"),
)  # fmt: skip

# Words inside a key of any vendor, before a run that looks random: acme_live_…, acme_pat_…, acme-secret-….
MARKERS = (
    "_live_", "_prod_", "_secret_", "_pat_", "_sk_", "_apikey_", "_api_", "_token_", "_key_", "-secret-", "-token-",
    "_at_", "_rt_", "_oauth_", "_access_", "_test_", "-live-", "-prod-", "-api-", "-pat-", "-key-", "_svc_", "_tok_",
    "sk_", "tok_", "pat_", "apikey-", "api_key_",
)  # fmt: skip
# Of these, words that commits, images and cache entries have before a digest: an SHA-1 or SHA-256 stays.
AMBIGUOUS = ("_live_", "_prod_", "_key_", "_test_", "-live-", "-prod-", "-api-", "-key-", "_api_")
MARKED = re.compile(
    r"(?:v\d{1,2}[_-])?(?=[a-zA-Z]{0,40}\d)"
    r"(?:(?=[a-z0-9]{0,40}[A-Z])(?=[A-Z0-9]{0,40}[a-z])[A-Za-z0-9]{12,200}|[0-9a-f]{32,128})(?![0-9A-Za-z])"
)

# What makes a link of a mail a secret: as long as tokens are, and no UUID.
_OF_LINK = r"(?![0-9a-f]{8}-)(?=[\w.=-]{0,60}\d)[\w=-]{20,300}(?:\.[\w=-]{4,300}){0,2}"

# Addresses whose path is the secret: what leads to it, and the address with the secret part named.
ADDRESSES: tuple[tuple[str, str], ...] = (
    ("/webhooks/", r"/webhooks/(?:\d{15,21}|[0-9a-f-]{36})/(?P<secret>[\w-]{16,300})"),
    ("%2fwebhooks%2f", r"%2Fwebhooks%2F\d{15,21}%2F(?P<secret>[\w-]{16,300})"),
    ("rtmp", r"rtmps?://[^\s/\"'?]{1,100}/(?:[\w.-]{1,40}/){1,3}(?P<secret>[\w-]{12,80})(?![\w/])"),
    ("anaconda.org/t/", r"anaconda\.org/t/(?P<secret>[\w-]{16,80})(?=/)"),
    ("/private-", r"/private-(?P<secret>[0-9a-f]{32})(?=/)"),
    ("/interactions/", r"/interactions/\d{15,21}/(?P<secret>[\w-]{16,400})"),
    (
        "hooks.slack.com",
        r"hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/(?:[A-Z0-9]{6,14}/){1,2}(?:[0-9]{6,20}/)?"
        r"(?P<secret>[A-Za-z0-9]{10,64})",
    ),
    ("webhook.office.com", r"webhook\.office\.com/webhookb2/[\w@-]{20,90}/IncomingWebhook/(?P<secret>[\w/-]{16,160})"),
    (
        "outlook.office.com",
        r"outlook\.office(?:365)?\.com/webhook/[\w@-]{20,90}/IncomingWebhook/(?P<secret>[\w/-]{16,160})",
    ),
    ("/bot", r"/bot\d{6,12}:(?P<secret>[\w-]{16,60})"),
    ("hooks.zapier.com", r"hooks\.zapier\.com/hooks/catch/(?:\d{1,12}/)?(?P<secret>[\w/]{6,40})"),
    ("/with/key/", r"/with/key/(?P<secret>[\w-]{10,60})"),
    ("/bot/v2/hook/", r"/bot/v2/hook/(?P<secret>[\w-]{10,60})"),
    ("/webhook/send?key=", r"/webhook/send\?key=(?P<secret>[\w-]{10,60})"),
    ("/robot/send?access_token=", r"/robot/send\?access_token=(?P<secret>[\w-]{10,90})"),
    ("/webhooks/railway/", r"/webhooks/railway/(?P<secret>[^\s/?#\"'<>]{6,200})"),
    ("infura.io/", r"infura\.io/(?:ws/)?v3/(?P<secret>[0-9a-f]{16,40})"),
    ("alchemy", r"alchemy(?:api)?\.(?:com|io)/v2/(?P<secret>[\w-]{16,60})"),
    ("quiknode.pro/", r"quiknode\.pro/(?P<secret>[0-9a-f]{16,64})"),
    ("events.pagerduty.com", r"events\.pagerduty\.com/integration/(?P<secret>\w{16,40})"),
    ("hc-ping.com/", r"hc-ping\.com/(?P<secret>[\w-]{16,60})"),
    ("loggly.com/inputs/", r"loggly\.com/inputs/(?P<secret>[\w-]{16,60})"),
    (".make.com/", r"\.make\.com/(?P<secret>[a-z0-9]{24,60})"),
    (".tines.com/webhook/", r"\.tines\.com/webhook/(?:\w{16,40}/)?(?P<secret>\w{16,40})"),
    ("/webhook/", r"/webhook/(?P<secret>[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})(?![\w-])"),
    ("/hooks/", r"/hooks/(?:\w{17,24}/)?(?P<secret>(?=[a-z]{0,30}\d)[A-Za-z0-9]{24,80})"),
    (".m.pipedream.net", r"\.m\.pipedream\.net/(?P<secret>\w{16,60})"),
    ("betterstack.com/api/", r"betterstack\.com/api/v1/heartbeat/(?P<secret>\w{16,40})"),
    ("thingsboard.cloud/api/v1/", r"thingsboard\.cloud/api/v1/(?P<secret>\w{16,40})"),
    *((f"{way}/", rf"{way}/(?:[A-Za-z0-9]{{1,12}}/)?(?P<secret>{_OF_LINK})(?![\w.]|/\w)") for way in (
        "reset-password", "password-reset", "password/reset", "/reset", "verify-email", "magic-link", "/invite",
        "/verify", "/activate", "/confirm", "confirm-email", "password/edit", "one-time-login", "/magic",
        "/unsubscribe",
    )),
    ("/services/t", r"/services/T[A-Z0-9]{6,14}/B[A-Z0-9]{6,14}/(?P<secret>[A-Za-z0-9]{10,64})"),
)  # fmt: skip
