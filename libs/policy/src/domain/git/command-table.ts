const DIFF = `p|patch u s|no-patch U|unified=? W|function-context raw patch-with-raw patch-with-stat numstat shortstat
  dirstat=? cumulative summary name-only name-status stat=? stat-width= stat-name-width= stat-graph-width= stat-count=
  compact-summary binary full-index color=? no-color ws-error-highlight= abbrev=? no-abbrev src-prefix= dst-prefix=
  line-prefix= no-prefix inter-hunk-context= output-indicator-new= output-indicator-old= output-indicator-context=
  B|break-rewrites=? M|find-renames=? D|irreversible-delete C|find-copies=? find-copies-harder no-renames
  [no-]rename-empty follow l= minimal w|ignore-all-space b|ignore-space-change ignore-space-at-eol ignore-cr-at-eol
  ignore-blank-lines I|ignore-matching-lines= [no-]indent-heuristic patience histogram diff-algorithm= anchored=
  word-diff=? word-diff-regex= color-words=? color-moved=? no-color-moved color-moved-ws= relative=? no-relative a|text R
  exit-code quiet no-ext-diff no-textconv ignore-submodules=? submodule=? S=text G=text pickaxe-all pickaxe-regex
  rotate-to= skip-to= find-object= diff-filter= z check c cc m t combined-all-paths diff-merges= no-diff-merges
  remerge-diff root`;

const REVISIONS = `n|max-count= # skip= since= after= until= before= min-age= max-age= author=text committer=text grep=text
  grep-reflog=text all-match invert-grep i|regexp-ignore-case E|extended-regexp F|fixed-strings P|perl-regexp
  basic-regexp merges no-merges min-parents=? max-parents=? no-min-parents no-max-parents first-parent
  exclude-first-parent-only not all branches=? tags=? remotes=? reflog ignore-missing cherry cherry-mark
  cherry-pick left-only right-only left-right merge g|walk-reflogs boundary simplify-by-decoration simplify-merges
  full-history dense sparse show-pulls ancestry-path=? date-order author-date-order topo-order reverse no-walk=? do-walk
  pretty=? format=? abbrev-commit no-abbrev-commit oneline encoding= expand-tabs=? no-expand-tabs notes=? no-notes
  show-notes=? [no-]show-signature relative-date date= parents children [no-]graph show-linear-break=?`;

const LOG = `${DIFF} ${REVISIONS} decorate=? no-decorate decorate-refs= decorate-refs-exclude= [no-]mailmap [no-]use-mailmap
  L= source log-size glob= exclude=`;
const REFS =
  'contains=last no-contains=last merged=last no-merged=last points-at= sort= format= color=? no-color ignore-case';
const SIGN = 'S|gpg-sign=? no-gpg-sign';
const MERGE = 's|strategy=strategy X|strategy-option=';
const SEQUENCE = `${MERGE} ${SIGN} [no-]rerere-autoupdate continue abort quit skip cleanup= n|no-commit e|edit no-edit
  s|signoff m|mainline=`;
const PATHS_FROM = 'pathspec-from-file=file pathspec-file-nul';
const PROGRESS = 'v|verbose q|quiet [no-]progress';
const FETCH = `${PROGRESS} f|force depth= shallow-since= shallow-exclude= unshallow update-shallow negotiation-tip=
  o|server-option= 4|ipv4 6|ipv6 k|keep set-upstream a|append all t|tags no-tags recurse-submodules=? no-recurse-submodules
  j|jobs= p|prune dry-run refmap=`;
const COMMIT_MESSAGE = 'm|message=text F|file=file c|reedit-message= C|reuse-message=';
const CHECKOUT = `[no-]overlay q|quiet recurse-submodules=? no-recurse-submodules [no-]progress m|merge conflict=
  2|ours 3|theirs ignore-skip-worktree-bits ${PATHS_FROM}`;
const SWITCH =
  '[no-]guess q|quiet recurse-submodules=? no-recurse-submodules [no-]progress m|merge conflict= d|detach t|track=?';
const STASH = '[no-]keep-index k u|include-untracked a|all q|quiet S|staged';
const CONE = '[no-]cone [no-]sparse-index';
const ADD = `n|dry-run v|verbose f|force u|update renormalize N|intent-to-add A|all [no-]ignore-removal refresh ignore-errors
  ignore-missing sparse chmod= ${PATHS_FROM}`;
const BLAME = `incremental b root show-stats progress score-debug f|show-name n|show-number p|porcelain line-porcelain c t l s
  w e|show-email S=file ignore-rev= ignore-revs-file=file color-lines color-by-age minimal contents=file C=? M=? L= abbrev=?
  since= first-parent reverse date= no-ext-diff no-textconv`;
const CONFIG =
  'global system local worktree type= z|null name-only [no-]includes show-origin show-scope default= fixed-value';
const CONFIG_VERB = `${CONFIG} all regexp show-names append`;

/**
 * What git may be given: subcommands, their verbs, and the options of each. Anything else is refused: options that run
 * a program or write a file of the caller's choice, options for a terminal, plumbing that is a server or a helper,
 * scripts, aliases, and future additions to git. Options are written in full, since an abbreviation can become another
 * option in a later release. `<path>` and the like are kinds of operands; options.ts explains the rest.
 */
export const COMMANDS: Readonly<Record<string, string>> = {
  add: ADD,
  am: `<input> 3|3way q|quiet s|signoff u|utf8 no-utf8 k|keep b|keep-non-patch m|message-id [no-]keep-cr [no-]scissors c
    whitespace= ignore-space-change ignore-whitespace C= p= include= exclude= r|resolved allow-empty
    show-current-patch=? committer-date-is-author-date ignore-date [no-]rerere-autoupdate continue abort quit skip ${SIGN}`,
  annotate: BLAME,
  apply: `<input> exclude= include= p= no-add stat numstat summary check index cached N|intent-to-add apply 3|3way z C=
    whitespace= ignore-space-change ignore-whitespace R|reverse unidiff-zero allow-overlap v|verbose q|quiet
    inaccurate-eof recount allow-empty`,
  archive: 'format=format prefix= v|verbose # l|list worktree-attributes',
  bisect: '',
  'bisect start': 'term-new=? term-bad=? term-old=? term-good=? no-checkout first-parent',
  'bisect terms': 'term-good term-old term-bad term-new',
  'bisect good': '',
  'bisect bad': '',
  'bisect old': '',
  'bisect new': '',
  'bisect skip': '',
  'bisect next': '',
  'bisect reset': '',
  'bisect log': '',
  blame: BLAME,
  branch: `v|verbose q|quiet t|track=? no-track u|set-upstream-to= unset-upstream r|remotes abbrev=? no-abbrev a|all d|delete
    D m|move M c|copy C l|list show-current create-reflog edit-description f|force [no-]recurse-submodules ${REFS}
    i|ignore-case column=? no-column`,
  'cat-file': 'e p t s allow-unknown-type batch=? batch-check=? batch-command=? batch-all-objects buffer unordered',
  'check-attr': 'a|all cached stdin z',
  'check-ignore': 'q|quiet v|verbose stdin z n|non-matching no-index',
  checkout: `${CHECKOUT} [no-]guess b= B= l d|detach t|track=? no-track f|force orphan= ignore-other-worktrees [no-]overwrite-ignore`,
  cherry: 'v|verbose abbrev=?',
  'cherry-pick': `${SEQUENCE} x ff allow-empty allow-empty-message keep-redundant-commits`,
  clean: 'q|quiet n|dry-run f|force d x X e|exclude=',
  clone: `<source> <path> ${PROGRESS} n|no-checkout recurse-submodules=? recursive=? j|jobs= o|origin= b|branch= depth=
    shallow-since= shallow-exclude= [no-]single-branch no-tags [no-]shallow-submodules c|config=setting server-option= 4|ipv4
    6|ipv6 filter= also-filter-submodules remote-submodules sparse reject-shallow bare mirror`,
  commit: `${COMMIT_MESSAGE} ${SIGN} ${PATHS_FROM} q|quiet v|verbose author=text date=text fixup= squash= reset-author
    trailer=text s|signoff no-signoff t|template=file e|edit no-edit cleanup= [no-]status a|all i|include o|only n|no-verify
    verify dry-run short branch porcelain long z|null amend no-post-rewrite u|untracked-files=? allow-empty
    allow-empty-message`,
  config: `${CONFIG} get get-all get-regexp get-urlmatch replace-all add unset unset-all l|list bool int bool-or-int path
    expiry-date no-type`,
  'config get': CONFIG_VERB,
  'config list': CONFIG_VERB,
  'config set': CONFIG_VERB,
  'config unset': CONFIG_VERB,
  'count-objects': 'v|verbose H|human-readable',
  describe: `contains all tags long first-parent abbrev=? exact-match candidates= match= exclude= always dirty=? broken=?`,
  diff: `<inside> ${DIFF} q cached staged merge-base base ours theirs 0 1 2 3`,
  'diff-files': `${DIFF} q 0 1 2 3 base ours theirs`,
  'diff-index': `${DIFF} cached merge-base`,
  'diff-tree': `${DIFF} r stdin no-commit-id merge-base pretty=? format=? oneline no-notes notes=? v`,
  fetch: `<source> ${FETCH} n u|update-head-ok P|prune-tags atomic refetch multiple m [no-]write-fetch-head
    [no-]auto-maintenance [no-]auto-gc filter= stdin`,
  'for-each-ref': `${REFS} count= s|shell p|perl python tcl`,
  'format-patch': `${DIFF} ${REVISIONS} n|numbered N|no-numbered s|signoff stdout cover-letter start-number= v|reroll-count=
    rfc subject-prefix= cover-from-description= k|keep-subject zero-commit ignore-if-in-upstream base= signature=
    no-signature attach=? no-attach inline=? thread=? no-thread in-reply-to= to=text cc=text no-to no-cc from=? interdiff=
    range-diff= creation-factor=`,
  fsck: `v|verbose unreachable [no-]dangling tags root cache [no-]reflogs [no-]full connectivity-only strict [no-]progress
    name-objects`,
  gc: 'q|quiet prune=? no-prune aggressive auto force keep-largest-pack [no-]cruft',
  grep: `cached untracked [no-]exclude-standard recurse-submodules v|invert-match i|ignore-case w|word-regexp a|text I
    r|recursive no-recursive max-depth= E|extended-regexp G|basic-regexp F|fixed-strings P|perl-regexp n|line-number column
    h H full-name l|files-with-matches name-only L|files-without-match z|null o|only-matching c|count color=? no-color break
    heading C|context= B|before-context= A|after-context= threads= p|show-function W|function-context f=file e=text and or not
    q|quiet all-match # m|max-count= no-textconv`,
  'hash-object': '<path> t= w stdin no-filters path= literally',
  init: '<path> q|quiet b|initial-branch= shared=? object-format= bare',
  log: LOG,
  'ls-files': `z t v f c|cached d|deleted m|modified o|others i|ignored s|stage k|killed directory eol no-empty-directory
    u|unmerged resolve-undo x|exclude= X|exclude-from=file exclude-per-directory= exclude-standard full-name
    recurse-submodules error-unmatch with-tree= abbrev=? debug deduplicate sparse format=`,
  'ls-remote': '<source> q|quiet t|tags h|heads refs get-url sort= exit-code symref o|server-option=',
  'ls-tree': 'd r t z l|long name-only name-status object-only full-name full-tree format= abbrev=?',
  maintenance: '',
  'maintenance run': 'auto quiet task= schedule=',
  merge: `${MERGE} ${SIGN} n [no-]stat summary log=? no-log [no-]squash [no-]commit e|edit no-edit cleanup= ff no-ff ff-only
    [no-]verify-signatures m|message=text F|file=file into-name= v|verbose q|quiet abort quit continue
    allow-unrelated-histories [no-]progress [no-]autostash [no-]overwrite-ignore [no-]signoff [no-]verify
    [no-]rerere-autoupdate`,
  'merge-base': 'a|all octopus independent is-ancestor fork-point',
  'merge-tree': 'write-tree trivial-merge [no-]messages z name-only allow-unrelated-histories',
  mv: '<path> v|verbose n|dry-run f|force k sparse',
  'name-rev': 'name-only tags refs= exclude= all annotate-stdin [no-]undefined always',
  notes: 'ref=',
  'notes add': `${COMMIT_MESSAGE} allow-empty f|force`,
  'notes append': `${COMMIT_MESSAGE} allow-empty`,
  'notes copy': 'f|force stdin',
  'notes edit': `${COMMIT_MESSAGE} allow-empty`,
  'notes list': '',
  'notes merge': 'v|verbose q|quiet s|strategy= commit abort',
  'notes prune': 'n|dry-run v|verbose',
  'notes remove': 'ignore-missing stdin',
  'notes show': '',
  prune: 'n|dry-run v|verbose progress expire=',
  pull: `<source> ${FETCH} ${MERGE} ${SIGN} j|jobs=? r|rebase=? no-rebase n [no-]stat log=? no-log [no-]squash [no-]commit
    [no-]edit cleanup= ff no-ff ff-only [no-]verify [no-]verify-signatures [no-]autostash allow-unrelated-histories signoff`,
  push: `<remote> ${PROGRESS} repo=remote all mirror d|delete tags n|dry-run porcelain f|force force-with-lease=?
    no-force-with-lease [no-]force-if-includes recurse-submodules= [no-]thin u|set-upstream prune [no-]verify
    [no-]follow-tags [no-]atomic o|push-option=text 4|ipv4 6|ipv6`,
  'range-diff': `${DIFF} creation-factor= no-dual-color left-only right-only notes=? no-notes`,
  rebase: `${MERGE} ${SIGN} onto= keep-base [no-]verify q|quiet v|verbose n|no-stat stat signoff no-signoff
    committer-date-is-author-date reset-author-date ignore-date ignore-whitespace whitespace= C= f|force-rebase no-ff ff
    edit-todo show-current-patch apply m|merge i|interactive empty= k|keep-empty no-keep-empty [no-]autosquash
    [no-]update-refs [no-]autostash r|rebase-merges=? no-rebase-merges [no-]fork-point root [no-]reapply-cherry-picks
    [no-]rerere-autoupdate continue abort quit skip`,
  reflog: LOG,
  'reflog delete': 'dry-run rewrite updateref verbose',
  'reflog exists': '',
  'reflog expire': 'dry-run rewrite updateref stale-fix verbose expire= expire-unreachable= all single-worktree',
  'reflog show': LOG,
  remote: 'v|verbose',
  'remote add': '<source> f|fetch t|track= m|master= [no-]tags mirror=?',
  'remote get-url': 'push all',
  'remote prune': 'n|dry-run',
  'remote remove': '',
  'remote rename': '[no-]progress',
  'remote rm': '',
  'remote set-branches': 'add',
  'remote set-head': 'a|auto d|delete',
  'remote set-url': '<source> push add delete',
  'remote show': 'n',
  'remote update': 'p|prune',
  repack: `a A k|keep-unreachable d f F q|quiet l|local delta-islands cruft cruft-expiration= n b|write-bitmap-index
    unpack-unreachable= window= depth= max-pack-size= threads= window-memory= geometric= m|write-midx`,
  rerere: '[no-]rerere-autoupdate',
  'rerere forget': '',
  'rerere remaining': '',
  'rerere status': '',
  reset: `q|quiet no-quiet [no-]refresh mixed soft hard merge keep recurse-submodules=? no-recurse-submodules N|intent-to-add
    ${PATHS_FROM}`,
  restore: `${CHECKOUT} s|source= S|staged W|worktree ignore-unmerged`,
  'rev-list': `${REVISIONS} glob= exclude= count timestamp header disk-usage=? objects objects-edge objects-edge-aggressive unpacked stdin
    quiet use-bitmap-index filter=? no-filter filter-print-omitted filter-provided-objects [no-]object-names missing=? bisect
    bisect-vars bisect-all [no-]commit-header abbrev=? no-abbrev`,
  'rev-parse': `verify q|quiet short=? sq-quote sq revs-only no-revs flags no-flags symbolic symbolic-full-name abbrev-ref=?
    all branches=? tags=? remotes=? glob=? exclude=? disambiguate=? git-dir absolute-git-dir git-common-dir is-inside-git-dir
    is-inside-work-tree is-bare-repository is-shallow-repository show-cdup show-prefix show-toplevel
    show-superproject-working-tree shared-index-path show-object-format=? path-format=? since=? after=? until=? before=? not
    default=`,
  revert: `${SEQUENCE} reference`,
  rm: `n|dry-run q|quiet cached f|force r ignore-unmatch sparse ${PATHS_FROM}`,
  shortlog: `${REVISIONS} n|numbered s|summary e|email c|committer w=? group=`,
  show: LOG,
  'show-branch': `a|all r|remotes color=? no-color more=? list no-name current sha1-name merge-base independent topo-order
    topics sparse date-order g|reflog=?`,
  'show-ref': 'tags heads verify head d|dereference s|hash=? abbrev=? q|quiet',
  'sparse-checkout': '',
  'sparse-checkout add': 'skip-checks stdin',
  'sparse-checkout disable': '',
  'sparse-checkout init': CONE,
  'sparse-checkout list': '',
  'sparse-checkout reapply': CONE,
  'sparse-checkout set': `${CONE} skip-checks stdin`,
  stage: ADD,
  stash: `${STASH} m|message=text`,
  'stash apply': 'index q|quiet',
  'stash branch': '',
  'stash clear': '',
  'stash create': '',
  'stash drop': 'q|quiet',
  'stash list': LOG,
  'stash pop': 'index q|quiet',
  'stash push': `${STASH} m|message=text ${PATHS_FROM}`,
  'stash save': STASH,
  'stash show': `${DIFF} u|include-untracked no-include-untracked only-untracked`,
  'stash store': 'm|message=text q|quiet',
  status: `v|verbose s|short b|branch show-stash [no-]ahead-behind porcelain=? long z|null u|untracked-files=? ignored=?
    ignore-submodules=? column=? no-column [no-]renames M|find-renames=?`,
  submodule: 'q|quiet cached',
  'submodule absorbgitdirs': '',
  'submodule add': '<remote> <path> b= f|force name= depth= progress',
  'submodule deinit': 'f|force all',
  'submodule init': '',
  'submodule set-branch': 'b|branch= d|default',
  'submodule set-url': '<any> <remote>',
  'submodule status': 'cached recursive',
  'submodule summary': 'cached files n|summary-limit=',
  'submodule sync': 'recursive',
  'submodule update': `init remote N|no-fetch [no-]recommend-shallow f|force checkout merge rebase recursive depth= j|jobs=
    [no-]single-branch progress`,
  switch: `${SWITCH} c|create= C|force-create= discard-changes no-track f|force orphan= ignore-other-worktrees`,
  'symbolic-ref': '<ref> q|quiet d|delete short [no-]recurse m=text',
  tag: `${REFS} l|list n=? d|delete v|verify a|annotate m|message=text F|file=file e|edit no-edit s|sign no-sign cleanup=
    u|local-user= f|force create-reflog i|ignore-case points-at=last column=? no-column`,
  'update-index': `q ignore-submodules add replace remove unmerged refresh really-refresh chmod= [no-]assume-unchanged
    [no-]skip-worktree ignore-skip-worktree-entries force-remove verbose again`,
  'update-ref': '<ref> <any> d no-deref m=text create-reflog',
  'verify-commit': 'v|verbose raw',
  'verify-tag': 'v|verbose raw format=',
  version: 'build-options',
  whatchanged: LOG,
  worktree: '',
  'worktree add': `<path> <any> f|force d|detach [no-]checkout lock reason= b= B= q|quiet [no-]track [no-]guess-remote`,
  'worktree list': 'porcelain v|verbose z expire=',
  'worktree lock': '<path> reason=',
  'worktree move': '<path> f|force',
  'worktree prune': 'n|dry-run v|verbose expire=',
  'worktree remove': '<path> f|force',
  'worktree unlock': '<path>',
  'write-tree': 'missing-ok prefix=',
};
