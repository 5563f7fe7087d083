# Serves the repository /srv/git/private.git, which has `README`, to those who have the token or the key. What clients need
# is in /client: `ca.crt`, `ssh-privatekey` and `known_hosts`. TOKEN and ADDRESS are given in the environment.
set -eu
mkdir /client /tmp/work
cd /tmp/work
git init --quiet --initial-branch=main
echo private >README
git add README
git -c user.name=t -c user.email=t@example.com commit --quiet --message=first
git clone --quiet --bare /tmp/work /srv/git/private.git
chown -R git:git /srv/git

openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=git -addext "subjectAltName=IP:$ADDRESS" \
  -keyout /tmp/server.key -out /client/ca.crt 2>/dev/null
cat /tmp/server.key /client/ca.crt >/tmp/server.pem
printf 'git:%s\nalice:%s-of-alice\n' "$TOKEN" "$TOKEN" >/tmp/users
cat >/tmp/lighttpd.conf <<'CONF'
server.modules = ("mod_auth", "mod_authn_file", "mod_alias", "mod_cgi", "mod_setenv", "mod_openssl")
server.document-root = "/srv"
server.port = 443
ssl.engine = "enable"
ssl.pemfile = "/tmp/server.pem"
auth.backend = "plain"
auth.backend.plain.userfile = "/tmp/users"
auth.require = ("/" => ("method" => "basic", "realm" => "git", "require" => "valid-user"))
alias.url = ("/git" => "/usr/lib/git-core/git-http-backend")
cgi.assign = ("" => "")
# Its owner is another user.
setenv.add-environment = (
  "GIT_PROJECT_ROOT" => "/srv/git", "GIT_HTTP_EXPORT_ALL" => "",
  "GIT_CONFIG_COUNT" => "1", "GIT_CONFIG_KEY_0" => "safe.directory", "GIT_CONFIG_VALUE_0" => "*"
)
CONF

ssh-keygen -q -t ed25519 -N '' -f /tmp/host
ssh-keygen -q -t ed25519 -N '' -f /client/ssh-privatekey
echo "$ADDRESS $(cut -d' ' -f1,2 /tmp/host.pub)" >/client/known_hosts
install -d -o git -g git -m 700 /srv/git/.ssh
install -o git -g git -m 600 /client/ssh-privatekey.pub /srv/git/.ssh/authorized_keys
/usr/sbin/sshd -f /dev/null -h /tmp/host -o PasswordAuthentication=no -o UsePAM=no

exec lighttpd -D -f /tmp/lighttpd.conf
