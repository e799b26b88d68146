"""Secrets that nothing but their place tells: behind a flag, in a call, in a table, in a dump of any language."""

import json
import re
from html import escape
from urllib.parse import quote, quote_plus

import pytest

from kintsugi.telemetry.redact import redact
from kintsugi.telemetry.redact.commands import COMMANDS
from kintsugi.telemetry.redact.vendors import ADDRESSES, SHAPES

WORD, RANDOM, HEX = "lantern7262", "aB3dE6gH9jK2mN5pQ8sT", "0a1b2c3d" * 4
MADE = "Velvet.lantern72"

BY_PLACE = """
sqlcmd -S db01 -U sa -P {word} -Q "select 1"
snmpget -v3 -u monitor -A {word} -X {random} 10.0.0.1
net use Z: \\\\fs01\\share /user:SHOP\\bob {word}
net user bob {word} /add
xfreerdp /v:10.0.0.8 /u:bob /p:{word}
7z x -p{word} backup.7z
lftp -u bob,{word} sftp://backup
Command '['curl', '-u', 'bob:{random}', 'https://x.example']' died
Command '['mysql', '-u', 'root', '-p{random}', 'shop']' returned non-zero exit status 1.
echo {word} | sudo -S systemctl restart nginx
az keyvault secret set --name db --value {random}
snmp-server community {word} RO
enable secret 5 {random}
#3 /srv/app/Auth.php(42): Auth->login('bob', '{word}')
#0 /srv/app/Db.php(11): PDO->__construct('mysql:host=db', 'shop', '{word}', Array)
imap.login('bob', 'sunflowerfalcon')
password, token = "{word}", "{random}"
KeyError: "token" {random}
db01:5432:shop:bob:{word}
dsn bob:{random}@tcp(db01:3306)/shop
user worker on >{word} ~jobs:* +@read
login attempt [root/{word}] failed
Your verification code is 482913
482913 is your Shop code
my password is {word} and it does not work
define( 'DB_PASSWORD', '{word}' );
HikariConfig - password........................{word}
  + password                       = "{word}"
  ~ master_password = "{word}" -> "{random}"
jdbc:sqlserver://db01;user=sa;password={{{random}}};encrypt=true
map[:authority:[api.example.com] authorization:[Bearer {random}{random}]]
http.Header{{"X-Api-Key":[]string{{"{random}"}}}}
token=Optional[{random}], user=bob
a:1:{{s:8:"password";s:11:"{word}";}}
((user . "bob") (password . "{word}"))
{{password,<<"{word}">>}}
 $ password: chr "{word}"
<meta name="csrf-token" content="{random}">
{{"Name": "/shop/db_password", "Type": "SecureString", "Value": "{random}"}}
│ API_KEY  │ {random}{random} │
SAMLResponse={random}{random}{random}&RelayState=x
.AspNetCore.Cookies=CfDJ8{random}{random}; path=/
/accounts/reset/MQ/c1a2b3-{hex}/
ngrok: 2{random}aB3dE6_{random}x
Authorization: copper thunder biscuit harbour
userPassword: {{SSHA}}{random}
smtp.login('bob smith', '{word}')
AUTH PLAIN initial {random}
PASS {word}'s
> PASS "{word}"
AUTH PLAIN  {random}
sshpass\t-p\t{word} ssh db01
mysql -uroot -p'{word}' shop
host, user, password, port = "db01", "bob", "{word}", "5432"
PATH=/bin\0DB_PASSWORD={word}\0HOME=/root
Authorization:\0Basic\0{random}
password:\0{word}
mysql\0-uroot\0-p{word}\0shop
WIFI:T:WPA;S:Shop;P:{word};;
rabbitmqadmin -u guest -p {random} list queues
etcdctl --user root:{random} get /shop
vault login {random}
nuget push a.nupkg {random} -Source nuget.org
#2 Login.php(146): App\\LdapAd->ldapLogin('bob', '{random}')
jwt.sign({{ id: 7 }}, '{random}', {{ expiresIn: '1h' }})
hmac.new(b'{hex}', msg, hashlib.sha256)
Fernet(b'{random}{random}=')
LOG: UPDATE users SET password=$1 WHERE id=$2 DETAIL: parameters: $1 = '{word}', $2 = '7'
UPDATE users SET password = $2 WHERE id = $1 -- PARAMETERS: [7, "{word}"]
[Parameters=[@p0='7', @p1='{word}'], CommandText='UPDATE Users SET Password = @p1 WHERE Id = @p0']
bindings: [ 'bob', '{word}' ], sql: 'insert into users (name, password) values (?, ?)'
the staging password changed, it's now {random} - please update
use {random} as the password for the wifi
Log in as admin with {random} and look
CSRF token mismatch: expected {random} got nothing
Das Passwort für den Server lautet {random}
La contraseña es {random}
Пароль от сервера: {random}
数据库密码是:{random}
Dein Einmalcode lautet 482913
Backup codes: 86886994 74287928 24069056
echo '{random}' | zfs load-key tank
smbpasswd -a bob <<< "{random}"
<saml:Attribute Name="password"><saml:AttributeValue>{word}</saml:AttributeValue></saml:Attribute>
*cmd* 'PASS {word}'
"app" "md5{hex}"
"api_key" "{random}"
secretKey|{random}
client.token("{random}")
Message: 'token=%s of %s' Arguments: ('{random}', 'bob')
botocore: Found credentials: secret_key='{random}' token=None
password: !vault {random}
<password><![CDATA[{word}]]></password>
*Password:* `{word}`
SecretStr('{word}')
le mdp c'est {random}
was it {random}? (the db password)
!login bob {random}
page.type('#password', '{random}')
WiFi.begin("HomeNet", "{word}");
Administrator:500:aad3b435b51404eeaad3b435b51404ee:{hex}:::
same password as always, {random}
remove key {random}{random} from config
mật khẩu: {random}
new creds for staging: bob / {word}
Password for the vpn: {word}
vpn login is bob with {word}
Zugang: bob / {word}
curl -u {random}:X https://shop.example
credentials.stripe => {random}{random}
STRTCPFTP RMTSYS(X) USER(BOB) PASSWORD({word})
odbc load, user("bob") password("{word}")
credential(bob, '{word}').
[Net.NetworkCredential]::new('bob','{word}')
epgsql:connect("db01","svc","{word}",[{{port,5432}}])
security unlock-keychain -p {word} build.keychain
git tag -a v2 && shoptool -p {word}
user bob pass `{random}`
signtool sign /f c.pfx /p {word} a.exe
winrm -u:bob -p:{random} get winrm/config
send -- "{word}\\r"
Login: bob / {random}
SASL PLAIN bob:{word}
List((user,svc), (password,{word}))
| Password | Grafana | {word} |
| Grafana | password | {word} |
otp sent to bob: 482913
+ export SONAR={hex}
DD_API={hex}
mvn sonar:sonar -Dsonar.login={hex}
vncserver -passwd-inline {word}
nats://{random}@n1:4222
SELECT "key" FROM "authtoken_token" WHERE "authtoken_token"."key" = '{hex}'
kafka: username="svc" pswd="{word}"
client-key-data: {random}{random}
das Passwort lautet {word}
Votre mot de passe est {made}
Kennwort für reporting: {made}
Nueva contraseña para ops ( {made} )
Новый пароль пользователя ops: {made}
用户 ops 的密码是{made}
รหัสผ่าน: {made}
Passordet ditt er {random}
密钥为 {random}
Seu código de acesso: 482913
您的驗證碼是 482913
2FA code: 482 913
door PIN for ops set to 482913
sent code 482913 to ops@shop.example
the vpn pw is {made} btw
login('ops', '{made}') -> 403
ClientOptions {{ auth: Basic("ops", "{word}") }}
{{credentials,<<"ops">>,<<"{made}">>}}
creds=&{{ops {made} db01 5432}}
expdp ops/{word} schemas=HR directory=DUMP
vault kv put secret/pay value={word}
fly secrets set SESSION_SALT={random} --app shop
COMMAND=/srv/bin/chkpasswd ops {random}
nxc smb db01 -u ops -p velvet-lantern-7262 --shares
secretsdump.py CORP/ops:{random}@db01.shop.example
select * from u where mail = ? and password = ? ["ops","{word}"]
logged in to billing with {hex}
MAILWIZZ_API={hex}
CONNECT ops/{word}@db01:1521/XE
HELLO 3 AUTH ops {word} SETNAME x
PASSWORD elastic = {word}
Using password from /root/.config: {hex}
>> AUTHENTICATE {random}
safe combination: 482913
SIM locked, PUK 482913 entered
grub2-mkpasswd-pbkdf2 <<< {word}
winrs -r:db01 -u:ops -p:{word} hostname
Guest Wi-Fi: CafeNet, key {random}
API key ({hex}) is over its quota
please change the password from Coffee#Coffee#8 to another
default login is admin / {word}
"value": "HostName=x;SharedAccessKey={random}{random}="
$sonarLogin = "{hex}"
#2 Login.php(146): App\\Ldap->bindAs('ops', '{made}')
(path: /tmp/foo?authz={random}&pelican.timeout=3s, flags: none)
using pin 482913 for token slot 0
[WiFi] connecting to 'Home' with '{random}'
winexe -U 'SHOP/ops%{word}' //db01 'cmd'
https://ops@shop.example:{word}!#@498@github.com
password: {made}, again {made}, and once {made}
user 'ops' pass 'sunflower' is 'ops' here
password='ERROR:{made}'
{{"passphrase": "the copper thunder?"}}
neues Passwort {made}
auth attempt bob|{made} from 10.0.0.7
decrypting with key {hex}
stream_authentication bob:{made}
loginArgs: [bob, {made}]
use bob with {made} to log in
vpn: bob / {made}
Failed to unlock the vault with {random}
signed in as bob using {made}
new Sequelize('shop', 'bob', '{made}', {{ dialect: 'mysql' }})
('bob', '{made}') rejected by the auth backend
config: &{{db01:5432 bob {made} disable}}
the staging box is bob / {made} btw
'{made}' | ConvertTo-SecureString -AsPlainText -Force
JobWrapper args=["bob", "{made}"] start
MQTT connecting as bob with {made} ... failed rc=5
wireless network key: {hex}
define( 'NONCE_SALT', '{random}' );
|     bob:{made} - Valid credentials
username and password: bob {made}
'authz={random}&pelican.timeout=3s'
ldap simple_bind called with ('cn=bob,dc=x', '{made}')
Property spring.datasource.password was bound to {made}
sqlcmd -S db01 -Ubob -P{made}
pexpect.spawn('ssh bob@db01').sendline('{made}')
write_channel: b'enable\\n{word}\\n'
configuration.OAuthToken: "" => "{hex}"
htpasswd -b /etc/nginx/.htpasswd bob sunflower
openssl enc -aes-256-cbc -k sunflower -in a.tar
schtasks /create /tn job /ru bob /rp sunflower
iwconfig wlan0 essid home key s:{word}
wandb login {hex}
logged in using {hex}
CONNECT TO shop USER bob USING sunflower
HELLO 3 AUTH bob sunflower
{{"username":"bob","key":"{hex}"}}
BUNDLE_GEMS__EXAMPLE__COM: bob:{word}
exec sp_addlogin N'bob', N'{word}'
AT+CWJAP="home","{word}"
/msg NickServ identify Coffee2024!
mc alias set minio http://localhost:9000 bob {word}
composer config http-basic.repo.example.com bob sunflower
bob : EAP "sunflower"
CEF:0|v|p|1|x|y|5|cs1Label=password cs1=sunflower
x-honeycomb-team: {hex}
crypto isakmp key {word} address 10.0.0.7
the session id {random} expired
client.username_pw_set('bob', 'Lantern_72')
I cannot log in with bob and {made}
the credentials, bob and {made}
connected to the vpn with {made}
the scheme redis does not accept registry part: :{word}@10.0.0.7:6379
curl --data 'u=bob&p={word}' http://10.0.0.7/login
Secret seed: 0x{hex}
the password for bob on db01 is lantern72
conn=1001 op=0 BIND dn="cn=bob" cred={word}
ldap: binddn=cn=bob,dc=example, binddnpw={word}
{{amqp_params_network,<<"bob">>,<<"{word}">>,<<"vhost">>,"host-1",33333}}
schtasks.exe /Create /TN backup /RU bob /RP {made}
etcdctl user add bob:{made}
bundle config https://gems.example bob:{made}
conn bob/{made}@//db01:1521/SHOP
[mail.example]:587    bob@shop.example:{word}
use key {hex} for the api
render --key {hex} --host db01
PIN for door: 482913
X-Hub-Signature-256: sha256={hex}
Stripe-Signature: t=1732960000,v1={hex}
"securityAnswer":"{word}"
<elementProp name="password"><stringProp name="Argument.value">{word}</stringProp></elementProp>
database('x','bob','{made}','Vendor')
    stats auth bob:{word}
bundle config gems.example.org bob:{word}
{{admins,[{{"bob","{word}"}}]}}
exten => 100,1,Authenticate(482913)
DBI connect('dbname=shop','shop','{word}') failed: timeout
traefik.http.middlewares.auth.basicauth.users=bob:$$apr1$$abcd$${random}
drush user:password bob "{word}"
auth_param basic credentials bob:{word}
register => bob:{word}@sip.example.org/100
knife bootstrap web1 -x ops -P {word}
prosodyctl register bob meet.example.org {word}
AT+CGAUTH=1,1,"bob","{word}"
password changed '{word}' to '{word}'
Bank login ok, PIN 482913 entered for account 10961
<pre>nmcli dev wifi connect home password {made}</pre>
May  3 10:11:12 h app: name="password"#015#012#015#012{word}#015#012--
printf '{word}\\n' | docker login -u bob --password-stdin
net use Z: \\\\nas\\share {made} /user:bob
g-recaptcha-response={random}&email=x
<td>Password</td><td>{made}</td>
{{"contrase\\u00f1a": "{word}", "\\u043f\\u0430\\u0440\\u043e\\u043b\\u044c": "{word}"}}
<entry key='password'>{word}</entry>
"spring.datasource.password": {{"value": "{word}", "origin": "x"}}
spring.datasource.password (class path resource [application.yml]): {word}
bob:1104:{hex}:{hex}:::
params={{{{shop {random} ORCL false  Local}} {{1 1000 1 30s}}}}
SSID <Shop24> / PASSWORD <{made}>
[AuthMe] bob issued server command: /register {word} {word}
bob changed password from {word} to {made}
(('uid=bob,ou=users,dc=example', '{word}', None, None), {{}})
AuthError: ('bob', '{made}')
client secret "{word}"
info - Using password from config file: {word}
[DEBUG] bfg new password for next child: {made}
admin = -pbkdf2-{hex}{hex},{hex},10
""".strip().split("\n")


@pytest.mark.parametrize("line", BY_PLACE)
def test_a_secret_is_found_by_its_place(line):
    shown = redact(line.format(word=WORD, random=RANDOM, hex=HEX, made=MADE))

    assert "***" in shown
    for secret in (
        WORD,
        RANDOM[:10],
        HEX[:10],
        MADE,
        "7262",
        "Coffee",
        "482913",
        "482 913",
        "sunflower",
        "copper thunder",
    ):
        assert secret not in shown, shown


@pytest.mark.parametrize(
    "text",
    [
        "<key>APIKey</key>\n<string>{}</string>",
        "user;password;role\nbob;{};admin",
        '"user","secret"\n"bob","{}"',
        "password         {}\nusername         bob",
        "SECRET_KEY\n'{}'",
        "127.0.0.1:6379> AUTH {}\nOK",
        "(Pdb) p password\n'{}'",
        "In [3]: os.environ['API_TOKEN']\nOut[3]: '{}'",
        'Config {{\n    password: Some(\n        "{}",\n    ),\n}}',
        "Password for bob (reset with `reset -u bob`):\n  {}",
        "10:00 INFO | New token for X. Secret:\n10:00 INFO | {}",
        "/shop/db/password\n{}",
        "argocd admin initial-password\n{}\n\n This password must be changed.",
        "COPY users (id, login, password) FROM stdin;\n47\tops\t{}\n\\.",
        "admin_user_pass = <<EOT\n{}\nEOT",
        "db_user          svc\ndb_pw            {}",
        "Jan 1 app: id,login,password\n1,ops,{}",
        "Jan 1 app: | user | password |\n|---|---|\n| ops | {} |",
        "Recovery codes:\n  {}",
        "Key:\n{}",
        "Please use the following password to proceed:\n\n{}\n\nIt is kept in a file.",
        "Please write down this verification key.\n\n\t{}\n",
        'key: "password"\n  - value: "{}"',
        '+ value = "{}"\n+ name  = "DB_PASSWORD"',
        "SMTP < 334 UGFzc3dvcmQ6\nSMTP > {}",
        "Preparing: update users set password = ? where name = ?\nParameters: {}(String), bob(String)",
        "Private Keys\n============\n(0) {0}\n(1) {0}",
        '1) "requirepass"\n2) "{}"',
        "insert into users (username, password) values (?, ?)\nbinding parameter (1:VARCHAR) <- [bob]\n"
        "binding parameter (2:VARCHAR) <- [{}]",
    ],
)
@pytest.mark.parametrize("written", [str, json.dumps, repr, lambda text: json.dumps({"log": json.dumps({"m": text})})])
def test_a_secret_is_found_on_another_line(text, written):
    text = f"It starts\n{text}\nand ends"

    shown = redact(written(text.format(RANDOM)))

    assert shown == written(text.format("***"))


@pytest.mark.parametrize(
    "text",
    [
        "/shop/db/password\n{}",
        "Password for bob (reset with `reset -u bob`):\n  {}",
        "10:00 INFO | New token for X. Secret:\n10:00 INFO | {}",
        "(Pdb) p password\n'{}'",
        "user;password\nbob;{}",
        '"user","secret"\n"bob","{}"',
        'name="password"\r\n\r\n{}\r\n--x--',
        'expect "password:"\nsend -- "{}\\r"',
        'login(password="{0}"\n      "{0}", user="bob")',
        "x\n    login(user, password)\n    │     │     └ '{}'\n    │     └ 'bob'\n    └ <function>",
        "password\n  Too short [type=string_too_short, input_value='{}', input_type=str]",
        '[{{"type": "too_short", "loc": ["body", "password"], "input": "{}"}}]',
    ],
)
@pytest.mark.parametrize("written", [str, json.dumps, lambda text: json.dumps({"log": json.dumps({"m": text})})])
def test_a_line_begins_and_ends_where_the_string_does_in_which_it_stands(text, written):
    assert redact(written(text.format(WORD))) == written(text.format("***"))


@pytest.mark.parametrize("password", [WORD, "Velvet\\tiger72", "Velvet\\\\river72", "Vel\\nora!72"])
@pytest.mark.parametrize("written", [str, json.dumps, lambda text: json.dumps({"log": json.dumps({"m": text})})])
@pytest.mark.parametrize(
    "line",
    [
        r"psexec \\srv -u SHOP\tom -p {} cmd",
        r"smbclient //srv/share -U SHOP\rob%{}",
        r"xfreerdp /u:SHOP\nora /p:{} /v:db01",
        r"net use Z: \\nas\tools {} /user:SHOP\nora",
        "mysql -u root -p{} shop",
        "postgres://bob:{}@db/shop",
    ],
)
def test_a_backslash_before_a_letter_need_not_end_a_line(line, written, password):
    assert redact(written(line.format(password))) == written(line.format("***"))


def in_json(text):
    return json.dumps({"level": "info", "msg": text, "ok": True})


def in_go(text):
    return in_json(text).replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def in_logfmt(text):
    return f"time=10:11 msg={json.dumps(text)} n=1"


def in_repr(text):
    return repr({"body": text.encode(), "n": 1})


def in_address(text):
    return f"GET /log?m={quote(text, safe='*')}&n=1 HTTP/1.1"


def in_form(text):
    return f"POST m={quote_plus(text, safe='*')}&n=1"


def in_markup(text):
    return f"<pre>{escape(text)}</pre>".replace("=", "&#61;")


@pytest.mark.parametrize("outer", [in_json, in_go, in_logfmt, in_repr, in_address, in_form, in_markup])
@pytest.mark.parametrize("inner", [str, in_json, in_go, in_logfmt, in_repr, in_address, in_form, in_markup])
def test_a_secret_is_hidden_in_a_text_that_is_written_within_another_one(inner, outer):
    for line in (
        'Parameters: {{"user"=>{{"email"=>"bob", "password"=>"{}"}}, "commit"=>"Log in"}}',
        "ACL SETUSER shop on >{} ~shop:* +@all",
        "$ rabbitmqctl add_user shop {}\nAdding user shop ...",
        "DataSource{{username=shop, password={}, pool=10}}",
        "CREATE USER 'shop'@'%' IDENTIFIED BY '{}'",
        "INSERT INTO users (id, name, password) VALUES (17, 'bob', '{}');",
        "[smtp]\npass={}\nport=587",
        "redis-cli -h 'cache1' -a {} ping",
    ):
        assert redact(outer(inner(line.format(MADE)))) == outer(inner(line.format("***")))
    harmless = outer(inner("tom's log: <user id='17'> C:\\new\\tools took 50% of \"key=shop&page=2\"\nat a.py:3"))
    assert redact(harmless) == harmless


def test_a_value_that_is_cut_off_within_a_text_ends_there():
    """What stands behind it in the layer may stand before it in the text around."""
    cut = r"{'ts': 17, 'msg': '{\n  &amp;#x27;host&amp;#x27; =&amp;gt; &amp;#x27;db1&amp;#x27;,\n  &amp;#x27;passwd&amp;#x27; =&amp;gt; &amp;#x27;"

    assert redact(f"{cut}{MADE}") == f"{cut}***"


def test_a_file_of_settings_in_a_string_ends_with_the_string():
    line = '{{"env": "A=1\\nDB_PASS={}","other":["a","b"]}}'

    assert redact(line.format(RANDOM)) == line.format("***")


@pytest.mark.parametrize(
    "line",
    [
        "Server=db01;User ID=bob;Password={};Initial Catalog=shop;Encrypt=true",
        "TheIsland?listen?ServerAdminPassword={}?MaxPlayers=20 -log",
        "password={}&username=bob",
        "map[Accept:[*/*] Authorization:[Bearer {}] User-Agent:[go]]",
        "'x-api-key', '{}'\n'x-request-id', '0b2f6a2e'",
        "failed to create secret: --from-literal=password={} --from-literal=user=bob",
        "cannot access 'https://oauth2:{}@10.0.0.7/o/r.git/': 403",
        "crictl pull shop:1 --creds bob:{}",
        '(host=db01, password="{}", "port": 5432)',
        "app-secret=[{}] is set",
        "Unseal Key (will be hidden): {}",
        "azure://0b2f6a2e-1111-4222-8333-444455556666:{}?tenantId=1",
        '$password = ConvertTo-SecureString -String "{}" -AsPlainText',
        "config:set mail_smtppassword --value={}",
        "java -jar cli.jar -P 443 -u bob -p {} -w ESPACE1 --ssl",
        'expect "password:"\nsend -- "{}\\r"',
        "Enter passphrase for key '/root/.ssh/id_rsa': {}",
        "jdbc:sqlserver://10.0.0.1:1433;databaseName=x;user=bob;password={};encrypt=true",
        "chpasswd -e <<< 'bob:{}'",
        "-Credential bob:{}",
        "vault kv put secret/shop db_password={} api_user=shop",
        "PDO->__construct('mysql:host=db1;dbname=shop', 'shop', '{}')",
        "Using server credentials: username=ci password={} for https://nexus",
        'PRIVMSG NickServ :IDENTIFY {}" ok',
        "redis-server --masterauth {} --requirepass ***",
        "DBI::connect('DBI', 'dbi:mysql:shop;host=db1', 'shop', '{}', 'HASH(0xd1677e0)')",
        "SSID <Shop24h> / PASSWORD <{}>",
    ],
)
def test_what_stands_beside_a_secret_stays(line):
    assert redact(line.format(RANDOM)) == line.format("***")


@pytest.mark.parametrize("word", ["2019?Tigger", "1987%Samsung", "Tig%er482", "Tigger@482"])
def test_a_password_of_words_numbers_and_signs(word):
    assert redact(f"rcon_password {word}") == "rcon_password ***"


@pytest.mark.parametrize(
    "line",
    [
        "HomeKit: enter this code with your app: {210-39-182}",
        "Pairing code: {K8FJ-5CJ8}, enter it on your phone",
        "Steam Guard code: {7CRQB}",
        "First copy your one-time code: {KPFJ-NFWC}",
        "verify: OTP was sent to bob, code={482913}",
        "user code slot 3 to {597183}",
        "error code: 7CRQB, status code=482913, exit code 4829",
        "login failed with code 4014, country code: 0049",
        "Trying password {tiger-1234}... failed",
        "password: {my-dog-12}... rejected, token: sk_test_51Ab...",
        "GDM_PASSWORD={moon}, existingSecret: shop-tls",
        "pullSecret: {harbor65}",
        '"CONFIG" "SET" "requirepass" "{thistle}"',
        "requirepass  {thistle}",
        "requirepass is {thistle}",
        "requirepass is not set, requirepass not configured",
        "enable secret {tiger-moon-42}",
        "wrong secret {tiger-moon-42}",
        "rotated: new secret '{tiger-moon-42}'",
        'key k1, algorithm hmac-sha256; secret "{tiger-moon-42}";',
        "cannot mount secret tiger-moon-42, secret tiger-moon-42 not found",
        "app_secret: {TIGER_MOON}",
        "api_key={shop-live-x7k2p}, default-token-x7k2p",
        "password: ['{tiger, moon and walnut}'], password: ['is too short', 'may not be one of yours']",
        "password: ['The two password fields did not match.', 'does not match it', '{silver tiger and moon}']",
        "seed_phrase: ['{must token tiger field moon will walnut}']",
        "login database:{Moon7742!}",
        f"unexpected token: got {{{HEX}}}",
        "login bob / {spaß2026}",
        "login bob / {rzKzlNfoFalH}",
        "password " + "x, " * 30 + "y {Glacier-walnut-Moon-7742!}",
    ],
)
def test_what_lets_somebody_in_is_hidden(line):
    assert redact(re.sub("[{}]", "", line)) == re.sub("{.*?}", "***", line)


@pytest.mark.parametrize(
    "line",
    [
        "password: [REDACTED], Authorization: <redacted>, export API_KEY=<your key>",
        'secret "db-credentials" created',
        "cache miss key=products/list?page=2 ns=web",
        "[ProcessThread(sid:2 cport:-1)::PrepRequestProcessor@476] session",
        "[Target].[HidePasswords] != [Source].[HidePasswords]",
        "http://10.0.0.7:8322${DK_PATH}?a=1",
        "it has to pass `--yes`, or pass `production` and `src/app/main.py`",
        "docker compose -p shop2024 up",
        "pytest -x -k TestOAuth2Login && npx jest -t LoginOAuth2Flow",
        "git tag -a Release2024Q1 -m x; cargo test -p Crate2024Core | grep -a Shop1234Bar",
        "python -pthread -prefix2024 -p8080",
        "kubectl get pods -n shop2024 -t token2024",
        "password reset for user bob1984 by admin2024",
        "Password reset mail sent to lena1984, see Ticket12345",
        "password login on Ubuntu2204 disabled, secret synced to store2024",
        "the password of node1234 and host0001 is stored",
        "Password mismatch (SHA1 of given password: ec7561c)",
        "snmpwalk -v2c -c public 10.0.0.7 system",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        ">PASSWORD:Need 'Auth' username/password",
        "stats auth, PIN 13 entered, bundle config set path vendor, #012abc",
        "password policy is OWASP-2021, login with NTLMv2 or Argon2id, password_hash not built with Argon2",
        'login failed: user="Veeam2021" requestId=navidrome-statefulset-0/YzKDTM4yVE-001467 from 10.0.0.7',
        "Accepted publickey for bob from 10.0.0.7 ssh2: RSA SHA256:Kl8kPGZrTiz7g4FO1hyqHdsSBBb5Fge6NWOobN03XJg",
        "auth: sql(bob@shop.example,192.168.144.226,<6rXunFtu493AqJDi>): Password mismatch",
        "CustomAuthenticationFailureHandler [qtp877788296-1176] Failed login attempt from IP: [::1]",
        "SASL LOGIN authentication failed: UGFzc3dvcmQ6 for user conn2271",
        "Adding job token for job_1445144423722_0020 to jobTokenSecretManager",
        '{"signInActivityId": "JgW9XEOQM0WNakyHMghCAA", "loginID": "jdoe1234", "tokens": {"openapi3Name": ""}}',
        "SET: Key100 Value100",
        'pass ssh any any -> any 22 (msg:"bug8333 pass ssh traffic"; sid:8333001)',
        "CHhAvVGS1DHFjwGM9 auth_attempted, CHhAvVGS1DHFjwGM9, F",
        "SKIP htmlentities() test 2 (setlocale / fr_FR.ISO-8859-15)",
        "keywords: ['AuditSuccess', 'ReservedKeyword63'] / Security ID:\\t\\tS-1-5-21-1111111111-2222222222",
        'signing_key: "base64 encoded HMAC key", credentials via pbkdf2, JSON Web Token (base64url-encoded)',
        "key: cargo-arm64-Linux-x64, restore-keys: build-arm64-Windows-",
        '<pngx-input-password i18n-title title="Password">, password with PKCS#12 or OAuth2-scope-consuming',
        "Fix crash on incorrect auth credentials (Kinto/kinto-admin#2119) of user Cool Bob#8863",
        "(psycopg2.OperationalError) FATAL: password authentication failed, credentials with ~10-minute intervals",
        "stale session after logout. [GHSA-3fqm-frhg-7c85], JWT access tokens with httpx_client.AsyncOAuth2Client",
        "english stopwords; tuned params | **0.2201** |",
        "logged in with TLSv1.3, login with Steam64, a token like \\x01CODE_BLOCK_0\\x01",
        "PASS src/auth/token3.test.ts",
        "PASS: App Master: Attempted to read too many bytes",
        "unable to find secret: db-credentials in namespace default",
        "reset de contraseña: timeout after 30s",
        "imap-login: Login: user=<bob>, method=PLAIN, session=<aB12284fa>",
        "Login with Register Number or Email.",
        "| PASS | src/auth/token3.test.ts |",
        "Login and store the token in ~/.netrc",
        "Unsuccessful login attempt from 192.168.10.1 [Mozilla/5.0 (Windows NT 10.0)]",
        "enable password authentication on each host",
        "echo <your-token> | docker login ghcr.io -u bob --password-stdin",
        "echo $TOKEN | docker login ghcr.io -u bob --password-stdin",
        "password         string\nusername         string",
        "password         required\nuser             optional",
        'curl --header "X-Api-Key: your-api-key" SITE_ROOT/api/v3/checks/1',
        'mongo shell on -p 27017; login("form", "token")',
        "the codes are HTTP 200, the verification code failed",
        "test_special_key and key_char and empty_key_path",
        "Username or password is incorrect. Try again. IP: 2001:db8::b6d3:95d7:1425:766d.",
        " * - [RFC7519 - JSON Web Token (JWT)](https://www.rfc.example/rfc7519)",
        "breadcrumb: Home > abc123def456",
        "mot de passe expiré pour Client-2024",
        "clave primaria: PK_users_2024",
        "Schlüssel: cache:users:1234567890ab",
        "poll mail.example.com user 'ops' pass *** is 'Johnny@example.com' here",
        "ViewPassword = g.Max(c => Convert.ToInt32(c.ViewPassword))",
        "Sent code 50035 to the client",
        '{"password": "What is your password?", "passwort": "ERROR: could not be read"}',
        "shard 0 closed, sent close code 4014; sending error code 50013 to the client, your exit code is 1234",
        "authentication provider:OAuth2Client1, connecting to 'db' with 'Psycopg2Driver'",
        "in ['app_failed_auth', 'app_failed_admin_auth', 'app_failed_2fa_totp', 'app_failed_2fa_email']",
        'kubectl create secret generic x --from-literal=license.jwt="${{ secrets.JWT }}" --type="shop.example/license"',
        "# 9.2.1 Set Password Creation Parameters for RHEL7",
        "a, b = first, second",
        'failed to create secret "db-credentials-v2": already exists',
        "secret \"kv/team1/app2\" value is not a JSON object; Secret 'wifi_password2' not defined",
        "secret/default-token-x7k2p created, secret shop-tls-5w29g successfully updated",
        "Tokens:              default-token-8z7hr",
        "    DB_PASSWORD:  <set to the key 'password' in secret 'shop-db1'>  Optional: false",
        "existingSecret: shop-postgresql-credentials2, Dumping LSA secret: DPAPI_SYSTEM",
        "sudo -n ifconfig bridge100 may require a password: exit status 1",
        "bob ALL=(ALL) NOPASSWD: /usr/bin/podman",
        "could not push: secret 'shop': provided secret is nil, password: provided secret is nil",
        "credentials for userName: bob17, could not set the password of CN=bob, CORP has no rights",
        "Unable to locate credentials for profile prod17",
        "unexpected token: 'objectClass1'",
        "by the tokens file, token: a1b2c****",
        "Invalid API Key provided: sk_test_51Ab...",
        'validation failed: {"password":["is too short (minimum is 12 characters)"]}',
        "Failed to read password from the config file: permission denied",
        "gdm-password]: gkr-pam: unable to locate daemon control file",
        "Using --password via the CLI is insecure",
        "FILE__TUNNEL_PASSWORD:/run/secrets/TUNNEL_PASSWORD",
        "connected to Gateway (Session ID: 98eb87a4eb63f33a1cc64f0606d99b32).",
        "Server host key: ssh-ed25519 SHA256:Nppo8jhSj6sENzD3e4ETEvJvyw41dTgbGHJTxWMiAFQ",
        "test_special_key_windows and key_char and empty_key_path " * 5,
        "keys: " + ", ".join(f"key_{number}" for number in range(80)),
    ],
)
def test_what_only_looks_like_such_a_place_stays(line):
    assert redact(line) == line


def test_a_long_log_of_log_ins_is_no_attack():
    lines = (
        f"Dec 24 06:55:{number % 60} web01 sshd[{number}]: {said}"
        for number in range(24_200, 24_300)
        for said in (
            "input_userauth_request: invalid user webmaster [preauth]",
            "pam_unix(sshd:auth): check pass; user unknown, authentication failure; tty=ssh ruser= rhost=10.0.0.7",
            f"Failed password for invalid user webmaster from 10.0.0.7 port {number} ssh2",
        )
    )
    log = "\n".join(lines)

    assert redact(log) == log


def test_what_was_hidden_once_by_mistake_stays_where_it_is_repeated():
    for name in ("config_pb2.OptionalKey", "[-9223372036854775808"):
        first, *rest = redact(f"key: {name} | None\nit is {name} again\nand {name}, too").split("\n")
        assert rest == [f"it is {name} again", f"and {name}, too"], first


def test_secrets_of_few_signs_are_found_in_their_place():
    texts = {
        "credential(bob, '{}').": "Lighthouse2031!",
        "new creds for staging: bob ({})": "Lighthouse2031!",
        "CODECOV={}": "0b2f6a2e-1111-4222-8333-444455556666",
        "Backup codes: {}": "lhrghvnd jzfau06k p42xk41q",
        "License key: {}": "ABCDE-FGHIJ-KLMNO-PQRST",
        "slmgr /ipk {}": "ORH13-C5WGD-EB837-EWZS8-JYW58",
        "seed: {}": "prairie velvet canyon canyon cobalt marble garden monkey summit dragon winter river",
        "Secret Recovery Phrase: {}": "prairie velvet canyon canyon cobalt marble garden monkey summit dragon winter river",
        "ffmpeg rtmp://live.example/live2/{}": "b1lel461wzdulgj6",
    }

    assert [text for text, secret in texts.items() if redact(text.format(secret)) != text.format("***")] == []


def test_a_colour_behind_a_backslash_and_a_token_is_part_of_no_share():
    token = f"gh{'p_'}{'a1B2' * 4}"

    assert "a1B2" not in redact(repr(f"\\{token}\x1b[31m{'a1B2' * 5}\x1b[0m"))


def test_no_word_can_be_read_in_so_many_ways_that_it_takes_for_ever():
    for signs in ("A", "Ab", "aA1", "a-", "A_", "a.", "a+", "&", "$A", "Ab1", "ab.Ab", "Aa", "1a", "S-1-1"):
        for begin in ("", "ab"):
            word = f"{begin}{signs * 60}"[:190] + "!1"
            assert "password" in redact(f"password {word} login bob {word} ('bob', '{word}') bob / {word}")


def test_every_rule_can_be_compiled():
    for pattern in (
        *(each.secret for each in COMMANDS),
        *(shape[2] for shape in SHAPES),
        *(each[1] for each in ADDRESSES),
    ):
        assert re.compile(pattern)
