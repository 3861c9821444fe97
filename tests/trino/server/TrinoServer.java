import io.trino.plugin.hive.HivePlugin;
import io.trino.server.testing.TestingTrinoServer;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Map;

/** Runs Trino over the Parquet files of a folder on this machine only, and ends when its standard input does. */
public final class TrinoServer {
    private TrinoServer() {}

    public static void main(String[] arguments) throws Exception {
        Path folder = Path.of(arguments[0]);
        try (TestingTrinoServer server = TestingTrinoServer.create()) {
            server.installPlugin(new HivePlugin());
            server.createCatalog("hive", "hive", Map.of(
                    "hive.metastore", "file",
                    "hive.metastore.catalog.dir", "local:///catalog",
                    "fs.local.enabled", "true",
                    "local.location", folder.toString()));
            Path written = folder.resolve("url.new");
            Files.writeString(written, server.getBaseUrl().toString());
            Files.move(written, folder.resolve("url"), StandardCopyOption.ATOMIC_MOVE);
            System.in.read();
        }
    }
}
