/** Where the Secret of `gitSecretName` is mounted, only in the init container. */
export const GIT_SECRET_DIRECTORY = '/run/rdev-git';

/** The volume's root belongs to root, so git considers it another user's repository. */
export const TRUST_WORKSPACE = String.raw`[ -e "$HOME/.gitconfig" ] || printf '[safe]\n\tdirectory = *\n' >"$HOME/.gitconfig"`;

/**
 * Clones `RDEV_GIT_URL` at `RDEV_GIT_REF` into the workspace. A complete repository is left as it is; an incomplete
 * one, recognized by a marker file, is cloned again. Credentials are read from files, by ssh or when git asks for them,
 * and never become arguments, variables or permanent configuration.
 */
export const CLONE_SCRIPT = String.raw`set -eu
cd /workspace
unfinished=.git/rdev-unfinished
[ ! -e .git ] || [ -e "$unfinished" ] || exit 0
${TRUST_WORKSPACE}
secret=${GIT_SECRET_DIRECTORY}
if [ -e "$secret/ssh-privatekey" ]; then
  [ -e "$secret/known_hosts" ] || { echo "the Secret has no entry known_hosts, so the host cannot be verified" >&2; exit 1; }
  export GIT_SSH_COMMAND="ssh -i $secret/ssh-privatekey -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=yes -o UserKnownHostsFile=$secret/known_hosts"
fi
[ ! -e "$secret/ca.crt" ] || export GIT_SSL_CAINFO="$secret/ca.crt"
helper='!f() { [ "$1" = get ] || exit 0; cd ${GIT_SECRET_DIRECTORY} && echo "username=$(cat username 2>/dev/null || echo git)" && echo "password=$(cat password 2>/dev/null || cat token)"; }; f'
rm -rf .git .rdev-clone
git -c credential.helper= -c credential.helper="$helper" clone --quiet --no-checkout -- "$RDEV_GIT_URL" .rdev-clone
: >".rdev-clone/$unfinished"
mv .rdev-clone/.git .git
rm -rf .rdev-clone
if [ -n "$RDEV_GIT_REF" ]; then
  git checkout --quiet --force "$RDEV_GIT_REF" --
elif git rev-parse --quiet --verify HEAD >/dev/null; then
  git checkout --quiet --force
fi
rm "$unfinished"
`;
