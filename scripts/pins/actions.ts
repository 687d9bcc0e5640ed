import { execa } from 'execa';

const pinned = /(uses: +)([\w.-]+\/[\w.-]+)((?:\/[\w.-]+)*)@(\S+)( +# *(\S+))?/g;

interface ActionPin {
  /** `owner/name` on GitHub. */
  repository: string;
  /** What the workflow runs. */
  ref: string;
  /** The release that it should be, from the comment; undefined if there is none. */
  version: string | undefined;
}

/** The actions from other repositories that a workflow uses. */
export function actionsIn(workflow: string): ActionPin[] {
  return [...workflow.matchAll(pinned)].map(([, , repository = '', , ref = '', , version]) => ({
    repository,
    ref,
    version,
  }));
}

/** The workflow with every action at the commit of its release, and with the release that each commit has. */
export async function pinActions(workflow: string, commitOf: CommitOf): Promise<string> {
  const commits = new Map<string, string>();
  for (const { repository, ref, version = ref } of actionsIn(workflow))
    commits.set(`${repository}@${version}`, await commitOf(repository, version));
  return workflow.replace(
    pinned,
    (_, uses: string, repository: string, path: string, ref: string, _comment, version = ref) =>
      `${uses}${repository}${path}@${commits.get(`${repository}@${version}`)} # ${version}`,
  );
}

type CommitOf = (repository: string, tag: string) => Promise<string>;

/** The commit of a tag in a repository; for an annotated tag, the commit that it points to. */
export const commitOnGitHub: CommitOf = async (repository, tag) => {
  const { stdout } = await execa('git', [
    'ls-remote',
    `https://github.com/${repository}`,
    `refs/tags/${tag}`,
    `refs/tags/${tag}^{}`,
  ]);
  const commit = stdout.trim().split('\n').at(-1)?.split('\t')[0];
  if (!commit) throw new Error(`${repository} has no tag ${tag}`);
  return commit;
};
