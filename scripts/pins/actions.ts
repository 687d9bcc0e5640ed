import { execa } from 'execa';

const pinned = /(uses: +)([\w.-]+\/[\w.-]+)((?:\/[\w.-]+)*)@(\S+)( +# *(\S+))?/g;

export interface ActionPin {
  /** `owner/name` on GitHub. */
  repository: string;
  /** What the workflow runs. */
  ref: string;
  /** The release that it should be, from the comment; undefined where there is none. */
  version: string | undefined;
}

/** The actions of other repositories that a workflow uses. */
export function actionsIn(workflow: string): ActionPin[] {
  return [...workflow.matchAll(pinned)].map(([, , repository = '', , ref = '', , version]) => ({
    repository,
    ref,
    version,
  }));
}

/** The workflow with every action at the commit of its release; a new release is taken from where the commit is. */
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

export type CommitOf = (repository: string, tag: string) => Promise<string>;

/** The commit that a tag of a repository names; of an annotated tag, that behind it. */
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
