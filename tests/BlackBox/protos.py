"""Message types for the black-box checks, compiled by protoc from this project's own .proto files: a wrong number or type shows as a failed check.

    from protos import pb        # pb.Digest, pb.StartExecute, pb.Status, …; pb.rpc(service, method) for raw gRPC

KIT_PROTOS: another folder of .proto files. KIT_PROTO_INCLUDES: where google/rpc and google/protobuf are, folders separated by colons."""
import glob, os, subprocess, tempfile
from google.protobuf import descriptor_pb2 as d, descriptor_pool, message_factory
from google.protobuf import timestamp_pb2, duration_pb2, any_pb2, empty_pb2, wrappers_pb2  # noqa: F401 (registers the well-known types)

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGES = os.environ.get("NUGET_PACKAGES", os.path.expanduser("~/.nuget/packages"))


def _includes():
    if given := os.environ.get("KIT_PROTO_INCLUDES"):
        return given.split(":")
    return sorted(glob.glob(f"{PACKAGES}/google.api.commonprotos/*/content/protos"))[-1:] + ["/usr/include"]


class _Pb:
    def __init__(self, proto_root):
        self._types, self._services = {}, {}
        self._compile(proto_root)

    def _compile(self, root):
        files = [os.path.relpath(os.path.join(d_, f), root) for d_, _, fs in os.walk(root) for f in fs if f.endswith(".proto")]
        with tempfile.NamedTemporaryFile() as out:
            includes = [a for i in [root] + _includes() for a in ("-I", i)]
            extra = "google/rpc/error_details.proto"  # nothing imports it
            files += [extra] if extra not in files and any(os.path.exists(os.path.join(i, extra)) for i in includes[1::2]) else []
            subprocess.run(["protoc", *includes, "--include_imports", f"--descriptor_set_out={out.name}", *files], check=True)
            found = d.FileDescriptorSet.FromString(open(out.name, "rb").read())
        pool = descriptor_pool.Default()
        for file in found.file:
            if not file.package == "google.protobuf":
                pool.Add(file)
                for n, desc in pool.FindFileByName(file.name).message_types_by_name.items():
                    self._add(n, desc)
                for service in file.service:
                    for m in service.method:
                        self._services[(file.package, service.name, m.name)] = tuple(("stream " if st else "") + t.rsplit(".", 1)[1]
                                                                                     for st, t in ((m.client_streaming, m.input_type), (m.server_streaming, m.output_type)))

    def _add(self, name, desc):
        cls = message_factory.GetMessageClass(desc) if hasattr(message_factory, "GetMessageClass") else message_factory.MessageFactory().GetPrototype(desc)
        self._types[name] = cls
        setattr(self, name.replace(".", "_"), cls)
        for n in desc.nested_types:
            if not n.GetOptions().map_entry:
                self._add(f"{name}.{n.name}", n)

    def rpc(self, service, method):
        """(path, request class, response class, request streams, response streams) of an rpc; service by its short name."""
        for (package, s, m), (req, res) in self._services.items():
            if (s, m) == (service, method):
                cls = lambda t: empty_pb2.Empty if t.endswith("Empty") else self._types[t.replace("stream ", "").split(".")[-1]]
                return f"/{package}.{s}/{m}", cls(req), cls(res), req.startswith("stream "), res.startswith("stream ")
        raise KeyError((service, method))


pb = _Pb(os.environ.get("KIT_PROTOS", os.path.join(HERE, "..", "..", "protos")))
if __name__ == "__main__":
    print(len(pb._types), "messages,", len(pb._services), "rpcs")
