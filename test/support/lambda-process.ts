/* Stands in for Lambda's process: takes events over IPC, passes them to dist/lambda.js and sends the responses back. */

const { handler } = (await import(new URL('../../dist/lambda.js', import.meta.url).href)) as {
  handler: (event: unknown, context: object) => Promise<unknown>;
};
process.on('message', (event) => {
  handler(event, {}).then(
    (answer) => process.send!(answer as object),
    (error: unknown) => process.send!({ statusCode: 599, body: String(error) }),
  );
});
process.send!('ready');
